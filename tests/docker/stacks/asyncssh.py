"""Logs in with asyncssh: NAME PASSWORD CODE. Prints every question, and what a command says once inside."""
import asyncio
import sys

import asyncssh

name, password, code = sys.argv[1:]


class Client(asyncssh.SSHClient):
    def kbdint_auth_requested(self):
        return ""

    def kbdint_challenge_received(self, _name, _instructions, _lang, questions):
        for question, _echo in questions:
            print(f"asked:{question}")
        return [code if "Code" in question else password for question, _echo in questions]


async def main():
    connection, _ = await asyncssh.create_connection(
        Client, "127.0.0.1", username=name, known_hosts=None, client_keys=None, agent_path=None)
    print((await connection.run("echo in:$USER")).stdout)


asyncio.run(main())
