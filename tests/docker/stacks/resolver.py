"""A resolver that lies, on 127.0.0.1: every address has the name that stands in the file given, and every name leads
back to the address that was asked about last, so that whoever looks twice believes it."""

import socket, struct, sys

A, PTR, AAAA = 1, 12, 28


def question(packet):
    """The labels that are asked about, the type, and where the question ends."""
    at, labels = 12, []
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    return labels, struct.unpack(">H", packet[at + 1 : at + 3])[0], at + 5


def encoded(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def main():
    last = "127.0.0.1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 53))
        while True:
            packet, asking = listening.recvfrom(4096)
            labels, kind, end = question(packet)
            answers = b""
            if kind == PTR and labels[-2:] == ["in-addr", "arpa"]:
                last = ".".join(reversed(labels[:4]))
                answers = encoded(open(sys.argv[1]).read().strip())
            elif kind == A:
                answers = socket.inet_aton(last)
            if answers:
                answers = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(answers)) + answers
            count = 1 if answers else 0
            listening.sendto(packet[:2] + struct.pack(">HHHHH", 0x8180, 1, count, 0, 0) + packet[12:end] + answers, asking)


main()
