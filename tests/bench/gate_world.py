"""What the gate's measurements share: programs, an authority that knows sessions, nginx, and a client."""

import json, os, pathlib, re, shutil, socket, subprocess, sys, tempfile, threading, time, urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("TWOFOLD_TARGET", REPOSITORY / "target"))
CORES = sorted(os.sched_getaffinity(0))
SESSION = "b" * 43
HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.5",
    "Sec-Fetch-Mode": "navigate",
    "Cookie": f"app=0123456789abcdef; __Host-twofold={SESSION}",
}


def build(folder, *wanted):
    """The gates of these names, as they ship but for the one feature of `bare`."""
    programs = {}
    for name, features in (("bare", ["--features", "bench-bare"]), ("gate", [])):
        if name not in wanted:
            continue
        subprocess.run(["cargo", "build", "--quiet", "--release", "--package", "twofold-gate", *features],
                       cwd=REPOSITORY, check=True, env={**os.environ, "CARGO_TARGET_DIR": str(TARGET)})
        programs[name] = folder / f"twofold-gate-{name}"
        shutil.copy(TARGET / "release/twofold-gate", programs[name])
    marked = {name: b"bench-bare: every filter is off" in path.read_bytes() for name, path in programs.items()}
    if any(is_marked != (name == "bare") for name, is_marked in marked.items()):
        sys.exit(f"the wrong program has its filters off: {marked}")
    return programs


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def serve_authority(path):
    """Knows every session at second level, with groups as people have them, and takes nothing back."""
    view = {"account": "0198c0de-7000-7000-8000-000000000000", "name": "alice@mail.example.com", "realm": "local",
            "groups": ["staff", "wiki-editors", "vpn", "office-berlin"], "contacts": {"display_name": "Alice Liddell", "email": "alice.liddell@example.com"},
            "enrolled": True, "level": "second",
            "second_at": int(time.time()), "ends_at": 4_000_000_000, "idle_seconds": 3600}

    def answer(connection):
        message = b""
        while not message.endswith(b"\0"):
            piece = connection.recv(65536)
            if not piece:
                return
            message += piece
        call = json.loads(message[:-1])
        try:
            while call["method"].endswith("WatchSessions"):
                connection.sendall(b'{"continues":true,"parameters":{"number":0,"ended":[]}}\0')
                time.sleep(0.25)
            reply = {"nonce": call["parameters"].get("nonce"), "session": view}
            connection.sendall(json.dumps({"parameters": reply}).encode() + b"\0")
        except OSError:
            pass
        finally:
            connection.close()

    def accept(listener):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(512)
    threading.Thread(target=accept, args=(listener,), daemon=True).start()


def start(command, core, log):
    pin = (lambda: os.sched_setaffinity(0, {core})) if len(CORES) > 1 else None
    return subprocess.Popen([str(part) for part in command], preexec_fn=pin, stdout=log, stderr=log)


def nginx(folder, name, servers, core, log):
    home = folder / name
    home.mkdir()
    temporary = "".join(f"{kind}_temp_path {home}/{kind};\n"
                        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (home / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {home}/pid; error_log stderr error;\n"
        f"events {{ worker_connections 1024; }}\n"
        f"http {{ access_log off; keepalive_requests 100000000; {temporary} {servers} }}\n")
    return start(["nginx", "-p", home, "-c", home / "nginx.conf"], core, log)


def until_answers(port, log):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={**HEADERS, "Host": "wiki.localhost"})
    began = time.monotonic()
    while time.monotonic() - began < 15:
        try:
            with urllib.request.urlopen(request, timeout=2) as answer:
                if answer.status == 200 and answer.read() == b"hello\n":
                    return
        except OSError:
            time.sleep(0.05)
    log.seek(0)
    sys.exit(f"nothing answers at {port}: {log.read().decode()}")


def drive(port, connections, seconds):
    """Requests a second, and the median and 99th percentile of the latency in microseconds."""
    lines = [part for name, value in {**HEADERS, "Host": "wiki.localhost"}.items() for part in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *lines, f"http://127.0.0.1:{port}/page"]
    pin = (lambda: os.sched_setaffinity(0, {CORES[-1]})) if len(CORES) > 1 else None
    said = subprocess.run(command, preexec_fn=pin, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"not every request was answered:\n{said}")
    latency = []
    for rank in ("50%", "99%"):
        value, unit = re.search(rank + r"\s+([\d.]+)(us|ms|s)", said).groups()
        latency.append(float(value) * {"us": 1, "ms": 1_000, "s": 1_000_000}[unit])
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1)), *latency


def serve_gate(folder, name, program, app, log, more=""):
    """Starts a gate in front of `app`; its process and its port."""
    port = free_port()
    config = folder / f"{name}.toml"
    config.write_text(
        f'listen = ["127.0.0.1:{port}"]\nportal = "http://id.localhost"\n'
        f'authority = "{folder}/authority.sock"\n[[site]]\norigin = "http://wiki.localhost"\n'
        f'upstream = "127.0.0.1:{app}"\nfirst_factor = "password"\n{more}')
    config.chmod(0o600)
    return start([program, "--config", config], CORES[0], log), port


def serve_app(folder, port, log, more=""):
    """An nginx that answers every request in six bytes."""
    server = (f'server {{ listen 127.0.0.1:{port}; keepalive_requests 1000000; location / {{ default_type text/plain; '
              f'return 200 "hello\\n"; }} }}')
    return nginx(folder, "backend", f"{server}\n{more}", CORES[-1], log)


def run(measure):
    """Measures in a folder of its own, and ends whatever was started."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="twofold-bench-"))
    running = []
    try:
        with open(folder / "log", "w+b") as log:
            measure(folder, log, running)
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait()
        shutil.rmtree(folder)
