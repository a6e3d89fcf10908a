#!/usr/bin/env python3
"""A small wiki as many companies still run one: no accounts, no second factor, no idea of either.

Whoever reaches it may read and write every page. It listens on 127.0.0.1 only; what stands in front of it decides who
comes through. Pages live in memory and are gone when it ends.

    ./wiki.py --port 8481
"""

import argparse
import html
import re
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGES = {
    "Home": """Welcome to the wiki of the Pickled Onion Company.

The [[Harvest]] begins on Monday. Everybody reads the [[Rota]] first.

What this wiki knows of you is on its [request page](/request): the names that the gate put into the request, and none
of the cookies that brought you here.""",
    "Harvest": """Onions are pulled when two thirds of the tops have fallen over.

Back to [[Home]].""",
    "Rota": """Monday: Alice. Tuesday: Bob. Wednesday: whoever lost the key to the shed.

Back to [[Home]].""",
}

STYLE = """
:root { color-scheme: light dark; font: 17px/1.6 Georgia, "DejaVu Serif", serif }
body { margin: 0 auto; max-width: 42rem; padding: 1.5rem }
header { border-bottom: 3px double; display: flex; gap: 1rem; justify-content: space-between }
textarea { box-sizing: border-box; font: 15px/1.5 monospace; width: 100% }
table { border-collapse: collapse } td { border: 1px solid; font: 14px monospace; padding: .2rem .5rem; word-break: break-all }
"""


def rendered(text):
    """Wiki text as HTML: paragraphs, [[Page]] and [words](/path)."""
    text = html.escape(text)
    text = re.sub(r"\[\[(\w+)\]\]", r'<a href="/page/\1">\1</a>', text)
    text = re.sub(r"\[([^\]]+)\]\((/[\w/]*)\)", r'<a href="\2">\1</a>', text)
    return "".join(f"<p>{paragraph}</p>" for paragraph in text.split("\n\n"))


class Wiki(BaseHTTPRequestHandler):
    """One request."""

    server_version = "LegacyWiki/1.3"
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        name = path.removeprefix("/page/") if path.startswith("/page/") else "Home"
        if path in ("/", "/index.html") or name in PAGES and path.startswith("/page/"):
            self.show(name, rendered(PAGES[name]) + f'<p><a href="/edit/{name}">Edit this page</a></p>')
        elif re.fullmatch(r"/edit/\w+", path):
            name = path.removeprefix("/edit/")
            self.show(
                f"Edit {name}",
                f'<form method="post" action="/edit/{name}"><textarea name="text" rows="12">'
                f'{html.escape(PAGES.get(name, ""))}</textarea><p><button>Save</button></form>',
            )
        elif path == "/request":
            rows = "".join(
                f"<tr><td>{html.escape(name)}<td>{html.escape(value)}" for name, value in self.headers.items()
            )
            self.show("What reached this wiki", f"<p>{html.escape(self.requestline)}<table>{rows}</table>")
        else:
            self.show("No such page", '<p>Back to <a href="/">Home</a>.', status=404)

    def do_POST(self):
        # Deliberate: the body is read before anything is answered, or the connection could not be used again.
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode(errors="replace")
        match = re.fullmatch(r"/edit/(\w+)", urllib.parse.urlsplit(self.path).path)
        if not match:
            return self.show("No such page", '<p>Back to <a href="/">Home</a>.', status=404)
        PAGES[match[1]] = urllib.parse.parse_qs(body).get("text", [""])[0].replace("\r\n", "\n")
        self.send_response(303)
        self.send_header("Location", f"/page/{match[1]}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def show(self, title, content, status=200):
        who = self.headers.get("Remote-User")
        greeting = f"Hello {html.escape(who)}" if who else "Hello stranger"
        page = (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title} – Onion Wiki</title>'
            f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
            f"<header><b>Onion Wiki</b><span>{greeting}</span></header>"
            f"<h1>{title}</h1>{content}"
        ).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format, *arguments):
        """Method, path and status, without what a query may hold."""
        print(self.command, urllib.parse.urlsplit(self.path).path, *arguments[1:2], flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8481)
    server = ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Wiki)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
