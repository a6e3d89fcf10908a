"""A twofoldd of one's own and people with devices, for the measurements."""

import json, pathlib, socket, subprocess, sys, time


def call(path, method, **parameters):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        message = {"method": f"org.twofold.Authority.{method}", "parameters": parameters}
        connection.sendall(json.dumps(message).encode() + b"\0")
        answer = b""
        while not answer.endswith(b"\0"):
            piece = connection.recv(65536)
            if not piece:
                sys.exit(f"{method}: the authority closed the connection")
            answer += piece
    answer = json.loads(answer[:-1])
    if "error" in answer:
        sys.exit(f"{method}: {answer}")
    return answer["parameters"]


def code(secret, at):
    return subprocess.run(["oathtool", "--totp", "--base32", f"--now=@{int(at)}", secret], check=True,
                          capture_output=True, text=True).stdout.strip()


class Authority:
    """A twofoldd on a folder of its own; `more` is further configuration. Ended by `stop`."""

    def __init__(self, program, folder, more=""):
        self.folder, self.socket = folder, folder / "authority.sock"
        (folder / "ledger").mkdir(mode=0o700)
        config = folder / "authority.toml"
        config.write_text(f'ledger = "{folder}/ledger"\nkeys = "{folder}/keys"\nhost = "bench"\n'
                          f'socket = "{self.socket}"\n{more}\n[audit]\nsyslog = false\n')
        command = [program, "--config", config]
        subprocess.run([*command, "--init"], check=True, stdout=subprocess.DEVNULL)
        self.log = open(folder / "log", "w+b")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        until = time.monotonic() + 10
        while not self.listens():
            if self.process.poll() is not None or time.monotonic() > until:
                self.log.seek(0)
                sys.exit(f"twofoldd does not start: {self.log.read().decode()}")
            time.sleep(0.02)

    def listens(self):
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(self.socket))
            return True
        except OSError:
            return False

    def enrol(self, account):
        """A person with a device; its secret. The code of the step before now is spent on confirming it."""
        call(self.socket, "AddAccount", name=account, groups=[])
        begun = call(self.socket, "BeginEnrolment", account=account, label="phone", algorithm="sha1", digits=6,
                     period_seconds=30)
        # Not over the end of a step, after which that code is too old.
        if time.time() % 30 > 25:
            time.sleep(5.1)
        secret = begun["uri"].split("secret=")[1].split("&")[0]
        call(self.socket, "ConfirmEnrolment", enrolment=begun["enrolment"], code=code(secret, time.time() - 30))
        return secret

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Google:
    """What pam_google_authenticator keeps of somebody, with the settings that its own set-up recommends: no reuse, a rate
    limit, window 3. Written afresh, it has seen no code."""

    SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    STATE = f'{SECRET}\n" RATE_LIMIT 3 30\n" WINDOW_SIZE 3\n" DISALLOW_REUSE\n" TOTP_AUTH\n12345678\n'

    def __init__(self, path, owner):
        self.path, self.owner = pathlib.Path(path), owner

    def fresh(self):
        """A right code, and a file that has not seen it."""
        import shutil

        self.path.unlink(missing_ok=True)
        self.path.write_text(self.STATE)
        self.path.chmod(0o600)
        shutil.chown(self.path, self.owner)
        return code(self.SECRET, time.time())
