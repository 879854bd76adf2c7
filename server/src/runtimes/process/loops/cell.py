"""Runs one cell's source in a namespace; shared by the sandboxed loop and by Pyodide."""

import ast
import base64
import inspect
import linecache
import sys
import traceback

RICH = (
    ("_repr_html_", "text/html"),
    ("_repr_svg_", "image/svg+xml"),
    ("_repr_png_", "image/png"),
    ("_repr_markdown_", "text/markdown"),
)


def prepare(source, number):
    """The compiled body and, apart from it, the last expression (or None)."""
    name = f"<cell {number}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    tree = ast.parse(source, name)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    body = compile(tree, name, "exec", flags=flags)
    return body, last and compile(last, name, "eval", flags=flags)


def run(source, number, namespace, emit, wait):
    """Runs the cell. `emit(stream, mime_type, data)` takes results; `wait` runs a coroutine.
    Returns the exit code and the reason."""
    try:
        body, last = prepare(source, number)
        step(body, namespace, wait)
        value = step(last, namespace, wait) if last else None
        if value is not None:
            namespace["_"] = value
            emit("result", "text/plain", repr(value))
        return 0, None
    except SystemExit as error:
        return leave(error), None
    except BaseException as error:
        emit("error", "text/plain", explain(error))
        return 1, "memory" if isinstance(error, MemoryError) else None


def step(code, namespace, wait):
    value = eval(code, namespace)
    return wait(value) if code.co_flags & inspect.CO_COROUTINE else value


def display(emit, value):
    for method, mime_type in RICH:
        if hasattr(value, method):
            data = getattr(value, method)()
            if isinstance(data, bytes):
                data = base64.b64encode(data).decode()
            return emit("display", mime_type, data)
    return emit("display", "text/plain", str(value))


def leave(error):
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code
    print(error.code, file=sys.stderr)
    return 1


def explain(error):
    """The traceback from the first frame of a cell on."""
    frames = error.__traceback__
    while frames and not frames.tb_frame.f_code.co_filename.startswith("<cell "):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames)).rstrip()
