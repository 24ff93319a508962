#!/usr/bin/python3
"""The page of the HTTP door: the bytes and headers that are served, then what a headless Chromium makes of them, on a desk
and on a phone, by keyboard, and as a screen reader meets it."""
import http.client
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chromium import Chromium  # noqa: E402
from lab import Kadns, T, check, enter, eventually, main, run  # noqa: E402

POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
PAGE = "http://127.0.0.1:8881/"
EVIL = '<img src=x onerror=document.title=666><script>document.title=666</script>'

# The contrast of each text with what is behind it (WCAG 2.1, 1.4.3), of those that are seen.
CONTRAST = """
[...document.querySelectorAll('h1,h2,p,label,dt,dd,li,button,a,summary,figcaption,th,td,pre')].filter(
  e => e.textContent.trim() && e.getClientRects().length).map(e => {
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const lum = c => c.slice(0, 3).map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
  const a = lum(parse(getComputedStyle(e).color)), b = lum(parse(getComputedStyle(document.body).backgroundColor));
  return [(Math.max(a, b) + .05) / (Math.min(a, b) + .05), e.textContent.trim().slice(0, 30)];
}).filter(([c]) => c < 4.5)
"""


def get(path, method="GET", **headers):
    c = http.client.HTTPConnection("127.0.0.1", 8881, timeout=10)
    c.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    r = c.getresponse()
    r.text = r.read().decode("utf-8")
    c.close()
    return r


def served(a):
    for path, kind in (("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript")):
        r = get(path)
        check(f"{path} is served", r.status == 200 and r.getheader("Content-Type") == f"{kind}; charset=utf-8")
        check(f"{path} has its policy", r.getheader("Content-Security-Policy") == POLICY and
              r.getheader("X-Content-Type-Options") == "nosniff" and
              r.getheader("Access-Control-Allow-Origin") is None, r.headers.items())
        check(f"{path} is not sent twice", get(path, If_None_Match=r.getheader("ETag")).status == 304)
        check(f"{path} loads nothing of others", not re.search(r"https?://(?!www\.w3\.org/2000/svg\")", r.text))
    check("no markup is made of words", not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(", get("/page.js").text))
    check("nor has the page scripts or styles in it", not re.search(
        r"<style|<script>|\sstyle=|\son[a-z]+=|javascript:", get("/").text))
    check("explain is the mount's", get("/explain/IN/A/printer.alt").text.split("\n")[0] ==
          a.text(".kadns/explain/IN/A/printer.alt").split("\n")[0])
    asked = get("/explain/IN/A/nobody.alt")
    check("explain asks who has not been asked", asked.status == 200 and "nobody.alt" in asked.text, asked.text)
    check("explain of no file", [get(f"/explain/{p}").status for p in ("", "IN/A", "IN/ANY/a.alt", "IN/A/x")] == [404] * 4)


def answer(c):
    return c.until("document.getElementById('answer').getAttribute('aria-busy') === 'false' && "
                   "!!document.getElementById('verdict').textContent")


def text_of(c, name):
    return c.run(f"document.getElementById('{name}').textContent")


def questions(c):
    c.run("document.getElementById('name').focus()")
    c.write("printer.alt")
    c.press("Enter", 13, "\r")
    check("a question by the keyboard is answered", answer(c) and text_of(c, "data") == "192.0.2.7", text_of(c, "data"))
    check("with its verdict", text_of(c, "verdict") == "✔ written on this machine", text_of(c, "verdict"))
    check("and why", c.until("!document.getElementById('why').hidden") and "printer.alt" in text_of(c, "explanation"),
          text_of(c, "explanation"))
    check("it has an address", c.run("location.hash") == "#A/printer.alt")
    c.open(PAGE + "#TXT/evil.alt")
    check("an address is a question", c.until("document.getElementById('data').textContent.includes('onerror')"),
          text_of(c, "data"))
    check("what others say is text only", EVIL.replace('"', '') in text_of(c, "data") and
          c.run("document.title") == "kadns" and c.run("document.querySelectorAll('#answer img,#answer script').length") == 0)
    c.open(PAGE + "#A/nobody.alt")
    check("what is not there is said", c.until("document.getElementById('verdict').textContent.startsWith('✘ there is no')"),
          text_of(c, "verdict"))


def looks(c, where):
    check(f"{where}: nothing is wider than the screen", c.run("document.documentElement.scrollWidth <= innerWidth"),
          c.run("document.documentElement.scrollWidth"))
    small = c.run("[...document.querySelectorAll('button,input')].filter(e => e.getClientRects().length && "
                  "e.getBoundingClientRect().height < 44).map(e => e.id || e.textContent)")
    check(f"{where}: a finger can meet what is to be pressed", small == [], small)
    for scheme in False, True:
        c.dark(scheme)
        poor = c.run(CONTRAST)
        check(f"{where}: {'dark' if scheme else 'light'}: contrast of 4.5 at least", poor == [], poor)


def test():
    run("ip", "address", "add", "10.9.9.1/24", "dev", "lo")
    a = Kadns("a", "none", ("127.0.1.1", 4001), http="127.0.0.1:8881,http=10.9.9.1:8881", allow="10.9.9.0/24")
    b = Kadns("b", "127.0.1.1:4001", ("127.0.2.1", 4002))
    a.write("printer.alt", "192.0.2.7")
    with open(f"{a.mount}/IN/TXT/evil.alt", "w", encoding="ascii") as f:
        f.write(EVIL + "\n")
    check("the nodes know each other", eventually(10, lambda: a.nodes() and b.nodes()))
    served(a)
    os.makedirs(f"{T}/profile")
    c = Chromium(f"{T}/profile")
    c.open(PAGE)
    check("the page says that the node is well", c.until(
        "(document.getElementById('health') || {}).textContent === '✔ it is well'"), c.said)
    check("it shows the peers", c.until("document.querySelectorAll('#ring .peer').length === 1 && "
                                        "document.querySelectorAll('#ring .self').length === 1"))
    check("and in a table", "127.0.2.1:4002" in text_of(c, "peers"))
    check("what it shows moves", c.until(
        "document.querySelector('#answers .curve').getAttribute('points').split(' ').length > 1"))
    questions(c)
    for where, size in (("desk", (1280, 900)), ("phone", (360, 740, True))):
        c.screen(*size)
        looks(c, where)
        if "PICTURES" in os.environ:
            c.picture(f"{os.environ['PICTURES']}/{where}.png")
    names = c.names()
    for role, name in (("textbox", "Name"), ("combobox", "Type"), ("button", "Look up"), ("button", "Pause"),
                       ("main", ""), ("heading", "Look a name up"), ("region", "Answer"), ("status", "")):
        check(f"a screen reader meets {role} {name}", (role, name) in names, names)
    unnamed = [n for n in names if n[0] in ("textbox", "combobox", "button", "link", "image", "img", "figure") and not n[1]
               and n[0] != "figure"]
    check("nothing to use is without a name", not unnamed, unnamed)
    check("answers are read aloud", c.run("document.getElementById('answer').getAttribute('aria-live')") == "polite")
    c.run("document.activeElement.blur(); document.getElementById('name').focus()")
    for _ in range(3):
        c.press("Tab", 9)
    check("Tab goes on", c.run("document.activeElement.textContent") != "", c.run("document.activeElement.outerHTML"))
    c.open("http://10.9.9.1:8881/#A/printer.alt")
    check("from another machine: it answers", c.until("document.getElementById('data').textContent === '192.0.2.7'"))
    check("and says that its state is not for all", c.until("document.getElementById('secret').getClientRects().length === 1 && "
          "[...document.querySelectorAll('.state')].every(e => !e.getClientRects().length)"))
    check("but that it is well", text_of(c, "health") == "✔ it is well", text_of(c, "health"))
    check("nor does it show an explanation", c.run("document.getElementById('why').hidden"))
    c.open(PAGE)
    check("here it shows it", c.until("document.querySelectorAll('#ring .peer').length === 1"))
    bad = [s for s in c.said if "(Forbidden)" not in s and "nobody.alt" not in s]
    check("no error, nothing that the policy refuses", not bad, bad)
    b.kill()
    a.kill()
    check("it says when the node is gone", c.until(
        "document.getElementById('health').textContent === '✘ this node does not answer'"))
    c.close()


if __name__ == "__main__":
    enter(100)
    main(test)
