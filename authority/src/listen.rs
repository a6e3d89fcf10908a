//! Sockets and connections: limits, so that who misbehaves hurts only itself.
