"""Logs in with paramiko: NAME PASSWORD CODE. Prints every question, and what a command says once inside."""
import sys

import paramiko

name, password, code = sys.argv[1:]


def answer(_title, _instructions, questions):
    for question, _echo in questions:
        print(f"asked:{question}")
    return [code if "Code" in question else password for question, _echo in questions]


transport = paramiko.Transport(("127.0.0.1", 22))
transport.start_client()
transport.auth_interactive(name, answer)
channel = transport.open_session()
channel.exec_command("echo in:$USER")
print(channel.makefile().read().decode())
