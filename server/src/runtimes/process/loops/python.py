"""Runs Python cells; see loop.ts for what goes over descriptor 3."""

import asyncio
import base64
import json
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cell

sys.path[0] = ""
os.set_inheritable(3, False)
commands = os.fdopen(3, "rb", closefd=False)
events = asyncio.new_event_loop()
asyncio.set_event_loop(events)


def report(**message):
    data = (json.dumps(message) + "\n").encode()
    while data:
        data = data[os.write(3, data) :]


def emit(stream, mime_type, data):
    report(type="output", stream=stream, mimeType=mime_type, data=data)


namespace = {"__name__": "__main__", "display": lambda value: cell.display(emit, value)}
for stream in (sys.stdout, sys.stderr):
    stream.reconfigure(line_buffering=True)
# SIGINT is the cell's own; this one ends the cell. It has a handler only while a cell runs.
INTERRUPT = 40
running = interrupted = False


def interrupt(_number, _frame):
    global interrupted
    if running:
        interrupted = True
        raise KeyboardInterrupt


signal.signal(INTERRUPT, signal.SIG_IGN)
report(type="ready")

for number, line in enumerate(commands, 1):
    nonce, source, setup = line.decode().split()
    os.environ.update(json.loads(base64.b64decode(setup))["env"])
    text = base64.b64decode(source).decode()
    interrupted = False
    try:
        running = True
        signal.signal(INTERRUPT, interrupt)
        code, reason = cell.run(text, number, namespace, emit, events.run_until_complete)
        running = False
    except KeyboardInterrupt:
        running = False
        code, reason = 130, None
    signal.signal(INTERRUPT, signal.SIG_IGN)
    if interrupted:
        # What the cell awaited must not go on with the next one.
        events = asyncio.new_event_loop()
        asyncio.set_event_loop(events)
    for stream in (sys.stdout, sys.stderr):
        stream.write(f"\x01end {nonce}\x01")
        stream.flush()
    report(type="done", exitCode=code, reason=reason)
