//! From a caller and a request to a reply.
