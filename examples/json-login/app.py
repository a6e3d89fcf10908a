#!/usr/bin/env python3
"""A small app as scripts build them: a page that signs in by fetch(), an interface in JSON, one session cookie.

It knows alice and bob by one password each, and nothing of second factors. It listens on 127.0.0.1 only.

    PASSWORDS='{"alice": "…", "bob": "…"}' ./app.py --port 8482
"""

import argparse
import json
import os
import secrets
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SIGN_IN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Orders: sign in</title>
<form><label>Name <input name="name"></label> <label>Password <input name="password" type="password"></label>
<button>Sign in</button> <p role="alert"></p></form><script src="/static/sign-in.js"></script>"""

SCRIPT = """const form = document.querySelector("form");
form.addEventListener("submit", async event => {
    event.preventDefault();
    const body = JSON.stringify({name: form.elements.name.value, password: form.elements.password.value});
    const answer = await fetch("/api/login", {method: "POST", headers: {"Content-Type": "application/json"}, body});
    if (answer.ok) location.assign("/");
    else document.querySelector("[role=alert]").textContent = (await answer.json()).error;
});
"""

ORDERS = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Orders</title>
<h1>Orders</h1><p id="who"></p><button id="out">Sign out</button>
<script src="/static/orders.js"></script>"""

ORDERS_SCRIPT = """fetch("/api/me").then(async answer => {
    document.querySelector("#who").textContent = `Signed in as ${(await answer.json()).user.name}`;
});
document.querySelector("#out").addEventListener("click", async () => {
    await fetch("/api/logout", {method: "POST"});
    location.assign("/sign-in");
});
"""

PASSWORDS = json.loads(os.environ["PASSWORDS"])
SESSIONS = {}


class App(BaseHTTPRequestHandler):
    """One request."""

    server_version = "Orders/2.0"
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        user = SESSIONS.get(self.session())
        match self.path.split("?")[0]:
            case "/sign-in":
                self.answer(200, SIGN_IN, "text/html")
            case "/static/sign-in.js":
                self.answer(200, SCRIPT, "text/javascript")
            case "/static/orders.js":
                self.answer(200, ORDERS_SCRIPT, "text/javascript")
            case "/api/me":
                self.say(200, {"user": {"name": user} if user else None})
            case "/" if user:
                self.answer(200, ORDERS, "text/html")
            case "/":
                self.answer(302, "", "text/html", Location="/sign-in")
            case _:
                self.say(404, {"error": "There is nothing here."})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        match self.path:
            case "/api/login":
                self.sign_in(json.loads(body))
            case "/api/logout":
                SESSIONS.pop(self.session(), None)
                self.say(200, {}, **{"Set-Cookie": "orders=; Path=/; Max-Age=0"})
            case _:
                self.say(404, {"error": "There is nothing here."})

    def sign_in(self, given):
        name, password = str(given.get("name")), str(given.get("password"))
        if name not in PASSWORDS or not secrets.compare_digest(PASSWORDS[name], password):
            return self.say(401, {"error": "Name and password don't match."})
        session = secrets.token_urlsafe(24)
        SESSIONS[session] = name
        return self.say(200, {"user": {"name": name}},
                        **{"Set-Cookie": f"orders={session}; Path=/; HttpOnly; SameSite=Lax"})

    def session(self):
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get("orders")
        return cookie.value if cookie else ""

    def say(self, status, value, **headers):
        self.answer(status, json.dumps(value), "application/json", **headers)

    def answer(self, status, text, kind, **headers):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing."""


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--port", type=int, default=8482)
    server = ThreadingHTTPServer(("127.0.0.1", arguments.parse_args().port), App)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
