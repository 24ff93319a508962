"""A headless Chromium, spoken to over its debugging pipe (two descriptors and JSON with NULs between), so that no driver and
no library is needed."""
import json
import os
import select
import subprocess
import time


class Chromium:
    def __init__(self, profile, *arguments):
        mine_in, self._out = os.pipe()
        self._in, mine_out = os.pipe()

        def descriptors():
            os.dup2(mine_in, 63)
            os.dup2(mine_out, 64)
            os.dup2(63, 3)
            os.dup2(64, 4)
        self._process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--remote-debugging-pipe", f"--user-data-dir={profile}", *arguments],
            preexec_fn=descriptors, close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(mine_in)
        os.close(mine_out)
        self._buffer, self._next, self._session = b"", 0, None
        self.said = []  # errors, and what the console was told
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in "Page", "Runtime", "Log", "Network", "Accessibility", "DOM":
            self.call(f"{domain}.enable")

    def _read(self, seconds):
        end = time.monotonic() + seconds
        while b"\0" not in self._buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._in], [], [], left)[0]:
                raise TimeoutError("chromium says nothing")
            piece = os.read(self._in, 1 << 20)
            if not piece:
                raise EOFError("chromium has ended")
            self._buffer += piece
        message, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(message)
        method, params = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.said.append(params["exceptionDetails"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.said.append(str(params["args"]))
        elif method == "Log.entryAdded":
            self.said.append(params["entry"]["text"] + " " + params["entry"].get("url", ""))
        return message

    def call(self, method, **params):
        self._next += 1
        mine = self._next
        message = {"id": mine, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read(30)
            if answer.get("id") == mine:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def run(self, script):
        """The value of an expression on the page."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True,
                         awaitPromise=True)["result"].get("value")

    def open(self, url):
        self.call("Page.navigate", url=url)

    def until(self, script, seconds=15):
        end = time.monotonic() + seconds
        while not self.run(script):
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True

    def press(self, key, code=None, text=None):
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode=code or 0, **more)

    def write(self, text):
        self.call("Input.insertText", text=text)

    def names(self):
        """(role, name) of what a screen reader meets."""
        tree = self.call("Accessibility.getFullAXTree")["nodes"]
        return [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in tree if not n["ignored"]]

    def screen(self, width, height, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def dark(self, on):
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if on else "light"}])

    def picture(self, path):
        import base64  # pylint: disable=import-outside-toplevel
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))

    def close(self):
        self._process.kill()
        self._process.wait()
