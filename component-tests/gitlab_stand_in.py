"""A stand-in for GitLab: of its REST API Secure Files, the jobs of a pipeline, generic packages and issues, on a loopback
port.

In a test:

    with GitLab() as gitlab:
        run_something(api=gitlab.api_url, project="acme/ami", token="glcbt-maintainer")
        assert [file.name for file in gitlab.files("acme/ami")] == ["a.json"]
        assert not gitlab.requests("DELETE")

By hand (the first line printed is the URL of the API):

    python3 component-tests/gitlab_stand_in.py --port 8080 --fault lost_reply=0.2

It answers as GitLab 18.2 does: the order in which a request is judged (token, scope, membership,
role, parameters, model), status codes, error bodies, paging. Where GitLab is loose it is loose too:
files of the same millisecond are listed in any order, ids have gaps, and two uploads of one name
at the same time can both succeed (`Faults.insert_window`).
"""

from __future__ import annotations

import argparse
import contextlib
import email
import hashlib
import json
import os
import random
import re
import socket
import sys
import threading
import time
from base64 import b64decode
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from email.message import Message
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, unquote_plus, urlencode

FILE_SIZE_LIMIT = 5 * 1024 * 1024  # a file must be smaller than this
ROLES = ("guest", "planner", "reporter", "developer", "maintainer", "owner")
#: Whoever may see the project may see its pipelines: the setting "Project-based pipeline visibility" is on by default.
LEAST_ROLE = {"read_project": "guest", "read_jobs": "guest", "read_job_artifacts": "reporter", "read_secure_files": "developer",
              "admin_secure_files": "maintainer", "read_packages": "reporter", "admin_packages": "developer",
              "read_issues": "guest", "create_issues": "guest", "admin_issues": "planner"}
JOB_STATUSES = ("created", "waiting_for_resource", "preparing", "waiting_for_callback", "pending", "running", "success",
                "failed", "canceling", "canceled", "skipped", "manual", "scheduled")
TRAVERSAL = re.compile(r"\A\.{1,2}\Z|\A\.\.[/\\]|[/\\]\.\.\Z|[/\\]\.\.[/\\]|\n")

#: `Gitlab::Regex.generic_package_name_regex`, which is that of its files, too, and `generic_package_version_regex`.
PACKAGE_NAME = re.compile(r"[A-Za-z0-9._+-]+")
PACKAGE_VERSION = re.compile(r"(?!.*\.\.)[\w+.-]+", re.ASCII)

@dataclass(frozen=True)
class Token:
    """What GitLab knows of a token. A role of None: its user is no member of any project here."""

    kind: str  # "job", "private" or "deploy"
    role: str | None
    scope: str = "api"  # of a private token: "api" or "read_api"
    permissions: frozenset[str] | None = None  # of a job token, the fine-grained ones; None: all
    expired: bool = False


TOKENS = {
    **{f"glcbt-{role}": Token("job", role) for role in ROLES},
    **{f"glpat-{role}": Token("private", role) for role in ROLES},
    "glcbt-outsider": Token("job", None),
    "glpat-outsider": Token("private", None),
    "glcbt-read-only": Token("job", "maintainer", permissions=frozenset({"read_secure_files"})),
    "glcbt-secure-files": Token("job", "maintainer", permissions=frozenset({"read_secure_files", "admin_secure_files"})),
    "glpat-read-only": Token("private", "maintainer", scope="read_api"),
    "glpat-expired": Token("private", "maintainer", expired=True),
    "gldt-packages": Token("deploy", "reporter", permissions=frozenset({"read_packages"})),
}


@dataclass
class Faults:
    """What goes wrong. Those of the first group are probabilities, 0 (never) to 1 (always), and a
    request meets at most one of them; `GitLab.fail_next` asks for one of them by its name."""

    cut: float = 0  # the connection is cut; nothing was done
    rate_limited: float = 0  # 429; nothing was done
    server_error: float = 0  # 500; nothing was done
    bad_gateway: float = 0  # 502 with a page of HTML; nothing was done
    lost_reply: float = 0  # the request takes effect, then the connection is cut
    gateway_timeout: float = 0  # the request takes effect, then 504 with a page of HTML
    cut_reply: float = 0  # the request takes effect, then the connection is cut amid the reply's body
    corrupt: float = 0  # the reply's first byte is another
    stale_list: float = 0  # a list as it was before: a replica that lags

    staleness: float | None = None  # how many seconds ago a stale list was true; None: one change ago
    latency: tuple[float, float] = (0, 0)  # seconds (from, to) before any request is looked at
    intake: int | None = None  # bytes a second that an upload is taken at; None: as fast as it comes
    insert_window: tuple[float, float] = (0, 0)  # seconds from an upload's check of its name to its insert
    retry_after: int = 1  # seconds, as told to who is rate limited
    seed: int = 0  # of these chances, and of all else that is left to chance


FAULTS = tuple(option.name for option in fields(Faults) if option.type == "float")
INSTEAD = ("cut", "rate_limited", "server_error", "bad_gateway")  # of the effect
CANNED = {
    "rate_limited": (429, "text/plain", "Retry later\n"),
    "server_error": (500, "application/json", '{"message":"500 Internal Server Error"}'),
    "bad_gateway": (502, "text/html", "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n</html>\r\n"),
    "gateway_timeout": (504, "text/html", "<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n</html>\r\n"),
}


@dataclass(frozen=True)
class SecureFile:
    id: int
    name: str
    created_at: str  # as in GitLab's JSON: UTC, milliseconds
    checksum: str
    content: bytes = field(repr=False)

    def entity(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "checksum": self.checksum, "checksum_algorithm": "sha256",
                "created_at": self.created_at, "expires_at": None, "metadata": None,
                "file_extension": os.path.splitext(self.name)[1][1:] or None}


@dataclass(frozen=True)
class Job:
    """A run of a job of a pipeline. One that is retried is followed by another of its name."""

    id: int
    project: int
    pipeline: int
    name: str
    stage: str
    status: str
    at: str
    web_url: str
    began: bool = True

    def entity(self) -> dict[str, Any]:
        ended = self.status in ("success", "failed", "canceled")
        project_url = self.web_url.partition("/-/")[0]
        return {"id": self.id, "status": self.status, "stage": self.stage, "name": self.name, "ref": "main", "tag": False,
                "coverage": None, "allow_failure": False, "created_at": self.at, "started_at": self.at if ended and self.began else None,
                "finished_at": self.at if ended else None, "erased_at": None, "duration": 0.5 if ended else None,
                "queued_duration": 0.1, "user": {"id": 7, "username": "someone", "name": "Someone", "state": "active"},
                "commit": {"id": "f" * 40, "short_id": "f" * 8, "title": "A commit", "message": "A commit\n"},
                "pipeline": {"id": self.pipeline, "iid": self.pipeline, "project_id": self.project, "sha": "f" * 40, "ref": "main",
                             "status": "running", "source": "parent_pipeline", "web_url": f"{project_url}/-/pipelines/{self.pipeline}"},
                **({"failure_reason": "script_failure"} if self.status == "failed" else {}),
                "web_url": self.web_url, "project": {"ci_job_token_scope_enabled": False}, "artifacts": [], "runner": None,
                "runner_manager": None, "artifacts_expire_at": None, "archived": False, "tag_list": []}


@dataclass
class Issue:
    iid: int
    project: int
    title: str
    created_at: str
    web_url: str
    description: str = ""
    labels: list[str] = field(default_factory=list)
    state: str = "opened"

    def entity(self) -> dict[str, Any]:
        return {"id": 1000 + self.iid, "iid": self.iid, "project_id": self.project, "title": self.title, "description": self.description,
                "state": self.state, "created_at": self.created_at, "labels": self.labels, "web_url": self.web_url,
                "author": {"id": 7, "username": "someone", "name": "Someone", "state": "active"}}


class Project:
    def __init__(self, id: int, path: str) -> None:
        self.id, self.path, self.name = id, path, path.rpartition("/")[2]
        self.jobs: tuple[Job, ...] = ()
        self.files: tuple[SecureFile, ...] = ()
        #: (package, version, file) → every content that was uploaded under this name, the newest last.
        self.packages: dict[tuple[str, str, str], list[bytes]] = {}
        self.issues: list[Issue] = []
        self.history: deque[tuple[float, tuple[SecureFile, ...]]] = deque([(0, ())], maxlen=1000)  # since when, what

    def change(self, files: tuple[SecureFile, ...]) -> None:
        self.files = files
        self.history.append((time.monotonic(), files))

    def earlier(self, seconds: float | None) -> tuple[SecureFile, ...]:
        if seconds is None:
            return self.history[max(len(self.history) - 2, 0)][1]
        return next((files for since, files in reversed(self.history) if since <= time.monotonic() - seconds), ())


@dataclass
class Request:
    method: str
    path: str  # as it came, percent-encoded
    query: dict[str, str]
    params: dict[str, str | bytes]  # the query's and the body's; an uploaded file is bytes
    headers: Message
    body: bytes = b""
    scopes: list[str] = field(default_factory=list)  # of the query, which may name several
    token: Token | None = None
    fault: str | None = None


@dataclass(frozen=True)
class Logged:
    """What the log keeps of a request: never a token's value."""

    method: str
    path: str
    query: dict[str, str]
    token: str  # "job", "private", "deploy", "unknown" or "none"
    status: int | None  # None: the connection was cut instead
    fault: str | None


class Reply:
    def __init__(self, status: int, body: bytes | dict[str, Any] | list[Any], **headers: str) -> None:
        self.status = status
        self.body = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        self.headers = {"Content-Type": "application/json", **headers}


class Refusal(Exception):
    """Its body is `error=…` where GitLab's framework refuses a request, `message=…` where its own code does."""

    def __init__(self, status: int, **body: Any) -> None:
        self.reply = Reply(status, body)


class GitLab:
    """The instance: projects, tokens, files, faults, a log; and, within `with`, the server for it."""

    def __init__(self, projects: Mapping[str, int] | None = None, tokens: Mapping[str, Token] = TOKENS,
                 faults: Faults | None = None, limit: int = 100, port: int = 0,
                 clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc)) -> None:
        self.projects = [Project(number, path) for path, number in (projects or {"acme/ami": 42}).items()]
        self.tokens = dict(tokens)  # may change at any time: a job that ends takes its token along
        self.faults = faults or Faults()
        self.limit = limit
        #: Of the last pipeline that succeeded: (ref, job, path) → content.
        self.artifacts: dict[tuple[str, str, str], bytes] = {}
        #: Whether a job token may list the jobs of a pipeline: not in GitLab 17.
        self.job_tokens_list_jobs = True
        #: A setting of the project, and one of its group.
        self.has_package_registry = self.allows_duplicate_packages = True
        self.log: list[Logged] = []
        self.clock = clock
        self._random = random.Random(self.faults.seed)
        self._planned: list[tuple[str, str | None, str]] = []
        self._last_id = 0
        self._lock = threading.RLock()
        self._server = Server(("127.0.0.1", port), Handler)
        self._server.gitlab = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.api_url = f"{self.url}/api/v4"

    def __enter__(self) -> GitLab:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    # What tests look at and set up. A project is named by its path or its id.

    def project(self, path_or_id: str | int) -> Project:
        asked = str(path_or_id).lower()
        return next(project for project in self.projects if asked in (project.path.lower(), str(project.id)))

    def files(self, project: str | int) -> list[SecureFile]:
        """What is stored, whatever the lists say: oldest first."""
        return list(self.project(project).files)

    def put(self, project: str | int, name: str, content: bytes, checksum: str | None = None) -> SecureFile:
        """Stores a file and checks nothing: the name may be there already, the checksum may be wrong."""
        with self._lock:
            self._last_id += self._random.randint(1, 9)  # other projects of the instance upload too
            file = SecureFile(self._last_id, name, self._now(), checksum or hashlib.sha256(content).hexdigest(), content)
            self.project(project).change((*self.project(project).files, file))
            return file

    def remove(self, project: str | int, file_id: int) -> None:
        with self._lock:
            self.project(project).change(tuple(file for file in self.files(project) if file.id != file_id))

    def run_job(self, project: str | int, pipeline: int, name: str, status: str = "success", stage: str = "build",
                began: bool = True) -> Job:
        """Adds a job to a pipeline, or, where it has one of this name, another run of it. One that no runner took, or that
        was cancelled before, never began."""
        with self._lock:
            self._last_id += self._random.randint(1, 9)
            owner = self.project(project)
            web_url = f"{self.url}/{owner.path}/-/jobs/{self._last_id}"
            job = Job(self._last_id, owner.id, pipeline, name, stage, status, self._now(), web_url, began)
            owner.jobs = (*owner.jobs, job)
            return job

    def _now(self) -> str:
        """As in GitLab's JSON: UTC, milliseconds."""
        now = self.clock()
        return f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}Z"

    def requests(self, method: str | None = None, path: str = "") -> list[Logged]:
        """The log's entries of this method (None: of any) whose path the pattern is found in."""
        return [entry for entry in list(self.log) if method in (None, entry.method) and re.search(path, entry.path)]

    def fail_next(self, fault: str, method: str | None = None, path: str = "", times: int = 1) -> None:
        """The next requests of this method (None: of any) whose path the pattern is found in meet this fault."""
        if fault not in FAULTS:
            raise ValueError(f"no such fault: {fault}; there are {', '.join(FAULTS)}")
        with self._lock:
            self._planned += [(fault, method, path)] * times

    # How a request is answered.

    def handle(self, request: Request) -> Reply | None:
        """The reply, or None where the connection is cut instead."""
        time.sleep(self._random.uniform(*self.faults.latency))
        fault = request.fault = self._fault(request)
        kind, request.token = self._credential(request)
        reply = None
        if fault not in INSTEAD:
            try:
                reply = self._answer(request)
            except Refusal as refusal:
                reply = refusal.reply
        if fault in CANNED:
            status, content_type, text = CANNED[fault]
            reply = Reply(status, text.encode(), **{"Content-Type": content_type})
            if status == 429:
                reply.headers["Retry-After"] = str(self.faults.retry_after)
        elif fault == "lost_reply":
            reply = None
        elif reply and fault == "corrupt":
            reply.body = bytes(byte ^ 1 for byte in reply.body[:1]) + reply.body[1:]
        query = {name: value for name, value in request.query.items() if not name.endswith("token")}
        self.log.append(Logged(request.method, request.path, query, kind, reply.status if reply else None, fault))
        return reply

    def _fault(self, request: Request) -> str | None:
        with self._lock:
            for plan in self._planned:
                if plan[1] in (None, request.method) and re.search(plan[2], request.path):
                    self._planned.remove(plan)
                    return plan[0]
            return next((fault for fault in FAULTS if self._random.random() < getattr(self.faults, fault)), None)

    def _credential(self, request: Request) -> tuple[str, Token | None]:
        """A bearer token may be of either kind; a job token in the place of a private one is overlooked."""
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        if "/packages/" in request.path:
            basic = b64decode(bearer).decode().partition(":")[2] if scheme.lower() == "basic" else ""
            of_package = self.tokens.get(basic or request.headers.get("DEPLOY-TOKEN", ""))
            if basic or (of_package and of_package.kind == "deploy"):
                return (of_package.kind, of_package) if of_package else ("unknown", None)
        bearer = bearer if scheme.lower() == "bearer" else ""
        private = request.params.get("private_token") or request.headers.get("PRIVATE-TOKEN") or bearer
        job = request.params.get("job_token") or request.headers.get("JOB-TOKEN")
        of_bearer, of_private, of_job = (self.tokens.get(str(value)) for value in (bearer, private, job))
        if of_bearer and of_bearer.kind == "job":
            return "job", of_bearer
        if private and not (of_private and of_private.kind == "job"):
            return ("private", of_private) if of_private else ("unknown", None)
        if job:
            return ("job", of_job) if of_job and of_job.kind == "job" else ("unknown", None)
        return ("unknown" if private else "none"), None

    def _answer(self, request: Request) -> Reply:
        method = "GET" if request.method == "HEAD" else request.method
        found = [(route, match) for route in ROUTES if (match := re.fullmatch("/api/v4" + route[1], request.path))]
        if not found:
            raise Refusal(404, error="404 Not Found")
        for (its_method, _, ability, action), match in found:
            if its_method == method:
                project_id, file_id, *_ = (*map(unquote, match.groups()), "", "")
                project = self._authorized(request, ability, project_id)
                return action(self, request, project, file_id)
        raise Refusal(405, error="405 Not Allowed")

    def _authorized(self, request: Request, ability: str | None, project_id: str) -> Project | None:
        token = request.token
        if token is None or (token.kind == "job" and ability is None):
            raise Refusal(401, message="401 Unauthorized")
        if token.expired:
            raise Refusal(401, error="invalid_token", error_description="Token is expired. You can either do "
                          "re-authorization or token refresh.")
        if token.scope == "read_api" and request.method not in ("GET", "HEAD"):
            raise Refusal(403, error="insufficient_scope", error_description="The request requires higher "
                          "privileges than provided by the access token.", scope="api read_api")
        if ability is None:
            return None
        project = next((p for p in self.projects if project_id.lower() in (p.path.lower(), str(p.id))), None)
        closed_to_job_tokens = {"read_project", "read_issues", "create_issues", "admin_issues"}
        closed_to_job_tokens |= set() if self.job_tokens_list_jobs else {"read_jobs"}
        if not project or (token.kind, token.role) == ("private", None) or (token.kind == "job" and ability in closed_to_job_tokens):
            raise Refusal(404, message="404 Project Not Found")
        if token.role is None:
            raise Refusal(403, message="403 Forbidden - Authentication by CI/CD job token not allowed from elsewhere "
                          f"to {project.name}.")
        if token.permissions is not None and ability not in token.permissions:
            raise Refusal(403, message="403 Forbidden - Insufficient permissions to access this resource in project "
                          f"{project.name}. The following token permission is required: {ability}.")
        if ROLES.index(token.role) < ROLES.index(LEAST_ROLE[ability]):
            raise Refusal(403, message="403 Forbidden")
        return project

    def _version(self, request: Request, project: None, _: str) -> Reply:
        return Reply(200, {"version": "18.2.0-ee", "revision": "0000000000a"})

    def _user(self, request: Request, project: None, _: str) -> Reply:
        return Reply(200, {"id": 7, "username": "someone", "name": "Someone", "state": "active"})

    def _project(self, request: Request, project: Project, _: str) -> Reply:
        return Reply(200, {"id": project.id, "path": project.name, "path_with_namespace": project.path})

    def _artifact(self, request: Request, project: Project, ref: str) -> Reply:
        path = unquote(request.path.partition("/raw/")[2])
        content = self.artifacts.get((ref, request.query.get("job", ""), path))
        if content is None:
            raise Refusal(404, message="404 Not found")
        return Reply(200, content)

    def _jobs(self, request: Request, project: Project, pipeline: str) -> Reply:
        if not pipeline.isdigit():
            raise Refusal(400, error="pipeline_id is invalid")
        if set(request.scopes) - set(JOB_STATUSES):
            raise Refusal(400, error="scope does not have a valid value")
        runs = [job for job in project.jobs if str(job.pipeline) == pipeline]
        if not runs:
            raise Refusal(404, message="404 Not found")
        if request.query.get("include_retried", "false").lower() not in ("true", "1"):
            runs = list({job.name: job for job in runs}.values())
        runs = [job for job in runs if not request.scopes or job.status in request.scopes]
        runs.sort(key=lambda job: job.id, reverse=True)
        asked = {"include_retried": "false", "pipeline_id": pipeline}
        return _paged(request, runs, asked, [("scope[]", scope) for scope in request.scopes])

    def _package_file(self, request: Request) -> tuple[str, str, str]:
        if not self.has_package_registry:
            raise Refusal(403, message="403 Forbidden")
        package, version, file = (unquote(part) for part in request.path.split("/")[-3:])
        for name, value, grammar in [("package_name", package, PACKAGE_NAME), ("package_version", version, PACKAGE_VERSION),
                                     ("file_name", file, PACKAGE_NAME)]:
            if not grammar.fullmatch(value):
                raise Refusal(400, error=f"{name} is invalid")
        return package, version, file

    def _publish(self, request: Request, project: Project, _: str) -> Reply:
        name = self._package_file(request)
        with self._lock:
            if name in project.packages and not self.allows_duplicate_packages:
                raise Refusal(400, message="Duplicate package is not allowed")
            project.packages.setdefault(name, []).append(request.body)
        return Reply(201, {"message": "201 Created"})

    def _package(self, request: Request, project: Project, _: str) -> Reply:
        contents = project.packages.get(self._package_file(request))
        if not contents:
            raise Refusal(404, message="404 Not found")
        return Reply(200, contents[-1], **{"Content-Type": "application/octet-stream"})

    def _issues(self, request: Request, project: Project, _: str) -> Reply:
        state = request.query.get("state", "all")
        if state not in ("opened", "closed", "all"):
            raise Refusal(400, error="state does not have a valid value")
        labels = [label for label in request.query.get("labels", "").split(",") if label]
        found = [issue for issue in project.issues if set(labels) <= set(issue.labels) and state in ("all", issue.state)]
        return _paged(request, sorted(found, key=lambda issue: issue.iid, reverse=True))

    def _create_issue(self, request: Request, project: Project, _: str) -> Reply:
        if not request.params.get("title"):
            raise Refusal(400, error="title is missing")
        with self._lock:
            iid = len(project.issues) + 1
            project.issues.append(Issue(iid, project.id, "", self._now(), f"{self.url}/{project.path}/-/issues/{iid}"))
            self._change(project.issues[-1], request)
        return Reply(201, project.issues[-1].entity())

    def _update_issue(self, request: Request, project: Project, iid: str) -> Reply:
        issue = next((issue for issue in project.issues if str(issue.iid) == iid), None)
        if issue is None:
            raise Refusal(404, message="404 Not found")
        if not {"title", "description", "labels", "state_event"} & set(request.params):
            raise Refusal(400, error="title, description, labels, state_event are missing, at least one parameter must be provided")
        if request.params.get("state_event", "close") not in ("close", "reopen"):
            raise Refusal(400, error="state_event does not have a valid value")
        self._change(issue, request)
        return Reply(200, issue.entity())

    def _change(self, issue: Issue, request: Request) -> None:
        given = {name: str(value) for name, value in request.params.items()}
        issue.title, issue.description = given.get("title", issue.title), given.get("description", issue.description)
        # Who may not set labels has them passed over.
        if "labels" in given and request.token and ROLES.index(request.token.role or "guest") >= ROLES.index("planner"):
            issue.labels = [label for label in given["labels"].split(",") if label]
        issue.state = {"close": "closed", "reopen": "opened"}.get(given.get("state_event", ""), issue.state)

    def _list(self, request: Request, project: Project, _: str) -> Reply:
        with self._lock:
            files = list(project.earlier(self.faults.staleness) if request.fault == "stale_list" else project.files)
            self._random.shuffle(files)  # among files of the same millisecond any order is right
        files.sort(key=lambda file: file.created_at, reverse=True)
        return _paged(request, files)

    def _show(self, request: Request, project: Project, file_id: str) -> Reply:
        return Reply(200, _find(project, file_id).entity())

    def _download(self, request: Request, project: Project, file_id: str) -> Reply:
        file = _find(project, file_id)
        return Reply(200, file.content, **{"Content-Type": "application/octet-stream",
                                           "Content-Disposition": f"attachment; filename={file.name}"})

    def _delete(self, request: Request, project: Project, file_id: str) -> Reply:
        with self._lock:
            self.remove(project.id, _find(project, file_id).id)
        return Reply(204, b"")

    def _create(self, request: Request, project: Project, _: str) -> Reply:
        missing = [f"{name} is missing" for name in ("name", "file") if name not in request.params]
        if missing:
            raise Refusal(400, error=", ".join(missing))
        sent_name, content = request.params["name"], request.params["file"]
        if not isinstance(sent_name, str) or not isinstance(content, bytes):
            raise Refusal(400, error="file is invalid" if isinstance(sent_name, str) else "name is invalid")
        name = unquote_plus(sent_name)  # GitLab decodes it, `%` and `+`, and stores that
        if TRAVERSAL.search(name) or unquote_plus(name) != name:
            raise Refusal(500, message="500 Internal Server Error")
        if len(content) >= FILE_SIZE_LIMIT:
            raise Refusal(413, message="413 Request Entity Too Large")
        window = self._random.uniform(*self.faults.insert_window)
        with self._lock:
            self._validate(project, name)
            if not window:
                return Reply(201, self.put(project.id, name, content).entity())
        time.sleep(window)  # GitLab has no lock and no unique index: who checks meanwhile finds the name free
        return Reply(201, self.put(project.id, name, content).entity())

    def _validate(self, project: Project, name: str) -> None:
        problems = {}
        if not name.strip():
            problems["name"] = ["can't be blank"]
        elif any(file.name == name for file in project.files):
            problems["name"] = ["has already been taken"]
        if len(project.files) >= self.limit:
            problems["base"] = [f"Maximum number of project ci secure files ({self.limit}) exceeded"]
        if problems:
            raise Refusal(400, message=problems)
        if len(name) > 255:  # the database alone minds
            raise Refusal(500, message="500 Internal Server Error")


FILES = "/projects/([^/]+)/secure_files"
PACKAGE = "/projects/([^/]+)/packages/generic/[^/]+/[^/]+/[^/]+"
ROUTES: tuple[tuple[str, str, str | None, Callable[..., Reply]], ...] = (
    ("GET", "/version", None, GitLab._version),
    ("GET", "/user", None, GitLab._user),
    ("GET", "/projects/([^/]+)", "read_project", GitLab._project),
    ("GET", "/projects/([^/]+)/jobs/artifacts/([^/]+)/raw/.+", "read_job_artifacts", GitLab._artifact),
    ("GET", "/projects/([^/]+)/pipelines/([^/]+)/jobs", "read_jobs", GitLab._jobs),
    ("GET", "/projects/([^/]+)/issues", "read_issues", GitLab._issues),
    ("POST", "/projects/([^/]+)/issues", "create_issues", GitLab._create_issue),
    ("PUT", "/projects/([^/]+)/issues/([^/]+)", "admin_issues", GitLab._update_issue),
    ("GET", PACKAGE, "read_packages", GitLab._package),
    ("PUT", PACKAGE, "admin_packages", GitLab._publish),
    ("GET", FILES, "read_secure_files", GitLab._list),
    ("POST", FILES, "admin_secure_files", GitLab._create),
    ("GET", FILES + "/([^/]+)", "read_secure_files", GitLab._show),
    ("DELETE", FILES + "/([^/]+)", "admin_secure_files", GitLab._delete),
    ("GET", FILES + "/([^/]+)/download", "read_secure_files", GitLab._download),
)


def _paged(request: Request, items: list[Any], asked: Mapping[str, str] = {}, repeated: Sequence[tuple[str, str]] = ()) -> Reply:
    page, per_page = _positive(request, "page", 1), min(_positive(request, "per_page", 20), 100)
    last = max(1, -(-len(items) // per_page))
    previous, following = page - 1 if 1 < page <= last else "", page + 1 if page < last else ""
    pages = {"prev": previous, "next": following, "first": 1, "last": last}
    once = {name: value for name, value in request.query.items() if name not in dict(repeated)}
    asked = {"id": unquote(request.path.split("/")[4]), "per_page": "20", **asked, **once}
    here = f"http://{request.headers.get('Host')}{request.path}"
    link = ", ".join(f'<{here}?{urlencode(sorted([*{**asked, "page": str(number)}.items(), *repeated]))}>; rel="{rel}"'
                     for rel, number in pages.items() if number)
    return Reply(200, [item.entity() for item in items[(page - 1) * per_page:page * per_page]], **{
        "Link": link, "X-Page": str(page), "X-Per-Page": str(per_page), "X-Next-Page": str(following),
        "X-Prev-Page": str(previous), "X-Total": str(len(items)), "X-Total-Pages": str(last)})


def _find(project: Project, file_id: str) -> SecureFile:
    for file in project.files:
        if str(file.id) == file_id:
            return file
    raise Refusal(404, message="404 Not found")


def _positive(request: Request, name: str, default: int) -> int:
    try:
        number = int(request.query.get(name) or default)
    except ValueError:
        raise Refusal(400, error=f"{name} is invalid") from None
    if number < 1:
        raise Refusal(400, error=f"{name} does not have a valid value")
    return number


def form(content_type: str, body: bytes) -> dict[str, str | bytes]:
    """The fields of a request's body. A part that has a file name is a file: its bytes, untouched."""
    message = Message()
    message["Content-Type"] = content_type
    if message.get_content_type() == "application/json" and body:
        given = dict(json.loads(body))
        return {name: ",".join(map(str, value)) if isinstance(value, list) else str(value) for name, value in given.items()}
    if message.get_content_type() == "application/x-www-form-urlencoded":
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    if message.get_content_type() != "multipart/form-data":
        return {}
    boundary = re.escape((message.get_boundary() or "").encode())
    marks = list(re.finditer(rb"(?:\A|\r\n)--%s(--)?[ \t]*(?=\r\n|\Z)" % boundary, body))
    if not any(mark[1] for mark in marks):
        raise ValueError("the multipart body has no end")
    found: dict[str, str | bytes] = {}
    for mark, following in zip(marks, marks[1:]):
        head, _, content = body[mark.end():following.start()].partition(b"\r\n\r\n")
        header = email.message_from_bytes(head[2:] + b"\r\n\r\n")
        name = str(header.get_param("name", "", "Content-Disposition"))
        found[name] = content if header.get_filename() is not None else content.decode()
    return found


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    gitlab: GitLab

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client may hang up whenever it likes
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # so connections are kept, and `Expect: 100-continue` is heeded
    disable_nagle_algorithm = True
    server: Server
    verbose = False

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        asked = dict(parse_qsl(query, keep_blank_values=True))
        try:
            body = self._body()
            params = {**asked, **form(self.headers.get("Content-Type", ""), body)}
        except (ValueError, TypeError):
            self.close_connection = True
            return self._send(Reply(400, {"error": "The body of the request can't be read"}))
        scopes = [value for name, value in parse_qsl(query, keep_blank_values=True) if name in ("scope", "scope[]")]
        request = Request(self.command, path, asked, params, self.headers, body, scopes)
        self._send(self.server.gitlab.handle(request), cut=request.fault == "cut_reply")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self._slowly(int(self.headers.get("Content-Length", 0)))
        body = bytearray()
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers
            pass
        return bytes(body)

    def _slowly(self, size: int) -> bytes:
        intake = self.server.gitlab.faults.intake
        if intake is None:
            return self.rfile.read(size)
        body = bytearray()
        while len(body) < size and (piece := self.rfile.read(min(size - len(body), max(intake // 20, 1)))):
            body += piece
            time.sleep(len(piece) / intake)
        return bytes(body)

    def _send(self, reply: Reply | None, cut: bool = False) -> None:
        if reply and (reply.body or not cut):
            self.send_response(reply.status)
            headers = reply.headers if reply.status == 204 else {**reply.headers, "Content-Length": str(len(reply.body))}
            for name, value in headers.items():
                self.send_header(name, re.sub(r"[\r\n]", "", value).encode().decode("latin-1"))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body[:len(reply.body) // 2] if cut else reply.body)
        if cut or not reply:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(self.server.gitlab.clock(), usegmt=True)

    def log_message(self, format: str, *args: Any) -> None:
        if self.verbose:
            super().log_message(format, *args)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    parser.add_argument("--project", action="append", metavar="PATH=ID", help="default: acme/ami=42; may be repeated")
    parser.add_argument("--limit", type=int, default=100, help="the most files that a project may have")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=PROBABILITY", help=", ".join(FAULTS))
    parser.add_argument("--seed", type=int, default=0, help="of what is left to chance")
    parser.add_argument("--verbose", action="store_true", help="print requests")
    options = parser.parse_args()
    Handler.verbose = options.verbose
    projects = {path: int(number) for path, number in (text.split("=") for text in options.project or ())}
    faults = Faults(seed=options.seed)
    for name, chance in (text.split("=") for text in options.fault):
        if name not in FAULTS:
            parser.error(f"no such fault: {name}")
        setattr(faults, name, float(chance))
    with GitLab(projects, faults=faults, limit=options.limit, port=options.port) as gitlab:
        print(gitlab.api_url, "Tokens:", *TOKENS, sep="\n", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
