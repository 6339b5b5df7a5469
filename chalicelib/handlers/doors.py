"""Routes that can be entered before what answers them is imported: the first request lets the real one take over."""

from collections.abc import Callable, Sequence

from chalice.app import Chalice, Response

View = Callable[..., Response]
Entry = Callable[..., object]

METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
UNKNOWN_PATHS = ("/", "/{proxy+}")

_DOORS: dict[Entry, Callable[[], View]] = {}


def with_head(method: str) -> list[str]:
    """The methods that a route is entered by: GET answers HEAD too."""
    return ["GET", "HEAD"] if method == "GET" else [method]


def add_door(app: Chalice, path: str, methods: Sequence[str], *, name: str, load: Callable[[], None]) -> None:
    """Route these methods of a path to whatever stands there once `load` has been called."""

    def find() -> View:
        load()
        view: View = app.routes[path][methods[0]].view_function
        return view

    def enter(**segments: str) -> Response:
        return find()(**segments)

    _DOORS[enter] = find
    app.route(path, methods=list(methods), content_types=[], name=name)(enter)


def remove_door(app: Chalice, path: str, methods: Sequence[str]) -> bool:
    """Make room for the real routes; False when there is no door (any more)."""
    waiting = [
        method
        for method in methods
        if (entry := app.routes.get(path, {}).get(method)) and entry.view_function in _DOORS
    ]
    for method in waiting:
        del app.routes[path][method]
    if not app.routes.get(path, True):
        del app.routes[path]
    return bool(waiting)


def behind(entry: Entry) -> Entry:
    """What answers where `entry` is called: the view behind a door, or the function itself."""
    return _DOORS[entry]() if entry in _DOORS else entry
