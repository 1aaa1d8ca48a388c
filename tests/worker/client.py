"""The smallest coordinator: runs the command lines of its arguments at `fanout --worker`, two at a time.

It shows all that there is to the protocol: a header line in JSON, and the bytes behind it.
"""
import json, os, subprocess, sys

worker = subprocess.Popen([os.environ["FANOUT"], "--worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def say(message, body=b""):
    if body:
        message["n"] = len(body)
    worker.stdin.write(json.dumps(message).encode() + b"\n" + body)
    worker.stdin.flush()


def hear():
    header = json.loads(worker.stdout.readline())
    return header, worker.stdout.read(header.get("n", 0))


hello, shell = hear()
say({"t": "setup", "version": hello["version"], "slots": 2, "own_environment": True})
lines = [os.fsencode(word) for word in sys.argv[1:]]
tasks = [{"id": [seq, 1], "line": len(line)} for seq, line in enumerate(lines, 1)]
say({"t": "run", "tasks": tasks}, b"".join(lines))
say({"t": "finish"} if not lines else {"t": "ping"})
left, kept = len(lines), {}
while True:
    header, body = hear()
    if header["t"] == "kept":
        kept.setdefault((*header["id"], header["fd"]), []).append(body)
    for end in header.get("ends", []):
        at = sum(end.get("argv") or [])
        out = b"".join(kept.pop((*end["id"], 1), [])) + body[at : at + end.get("out", 0)]
        body = body[at + end.get("out", 0) + end.get("err", 0) :]
        print(end["id"][0], json.dumps(end["outcome"]), out, flush=True)
        left -= 1
        if not left:
            say({"t": "finish"})
    if header["t"] == "bye":
        break
sys.exit(worker.wait())
