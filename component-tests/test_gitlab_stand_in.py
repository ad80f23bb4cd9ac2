"""The stand-in for GitLab, checked by clients that were written for the real one: python-gitlab,
glab and curl. What it says here is what the other tests may rely on.

    pip install pytest python-gitlab
    pytest component-tests/test_gitlab_stand_in.py
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import gitlab as python_gitlab
import pytest
import requests

from gitlab_stand_in import FAULTS, ROLES, TOKENS, Faults, GitLab

PROJECT = "acme/ami"
MAINTAINER = {"JOB-TOKEN": "glcbt-maintainer"}
FORBIDDEN = {"message": "403 Forbidden"}
UNAUTHORIZED = {"message": "401 Unauthorized"}
NO_PROJECT = {"message": "404 Project Not Found"}


def ticking() -> Callable[[], datetime]:
    """A clock on which every look is a second later: no two files are of the same time."""
    start, ticks = datetime(2026, 1, 1, tzinfo=timezone.utc), iter(range(1_000_000))
    return lambda: start + timedelta(seconds=next(ticks))


@pytest.fixture
def gitlab() -> Iterator[GitLab]:
    with GitLab({PROJECT: 42, "acme/other": 43}, clock=ticking()) as instance:
        yield instance


def secure_files(gitlab: GitLab, **token: str) -> Any:
    """python-gitlab's manager of the project's secure files; job_token=… or private_token=… or oauth_token=…"""
    client = python_gitlab.Gitlab(gitlab.url, **(token or {"job_token": "glcbt-maintainer"}))
    return client.projects.get(42, lazy=True).secure_files


def url(gitlab: GitLab, rest: str = "", project: str = "42") -> str:
    return f"{gitlab.api_url}/projects/{project}/secure_files{rest}"


def upload(gitlab: GitLab, name: str, content: bytes = b"{}", headers: dict[str, str] = MAINTAINER) -> requests.Response:
    return requests.post(url(gitlab), headers=headers, data={"name": name}, files={"file": content})


def names(gitlab: GitLab) -> list[str]:
    return [file.name for file in gitlab.files(PROJECT)]


class TestAFile:
    @pytest.mark.parametrize("token", [
        {"job_token": "glcbt-maintainer"}, {"private_token": "glpat-maintainer"},
        {"oauth_token": "glpat-maintainer"}, {"oauth_token": "glcbt-maintainer"}])
    def test_is_created_listed_shown_downloaded_and_deleted(self, gitlab: GitLab, token: dict[str, str]) -> None:
        content = bytes(range(256))

        created = secure_files(gitlab, **token).create({"name": "tracker.json", "file": content})
        [listed] = secure_files(gitlab, **token).list(get_all=True)
        shown = secure_files(gitlab, **token).get(created.id)
        downloaded = shown.download()
        shown.delete()

        assert created.attributes == listed.attributes == shown.attributes
        assert {name: value for name, value in created.asdict().items() if name != "id"} == {
            "name": "tracker.json", "checksum": hashlib.sha256(content).hexdigest(), "checksum_algorithm": "sha256",
            "created_at": "2026-01-01T00:00:00.000Z", "expires_at": None, "metadata": None, "file_extension": "json"}
        assert downloaded == content
        assert gitlab.files(PROJECT) == []
        assert [(entry.method, entry.status) for entry in gitlab.log] == [
            ("POST", 201), ("GET", 200), ("GET", 200), ("GET", 200), ("DELETE", 204)]

    @pytest.mark.parametrize("content", [
        b"", b"\r\n", b"\n--", b"ends in a line end\r\n", b"\0\r\r\n\n\xff", b"\r\n--boundary\r\n\r\nlooks like a part\r\n"])
    def test_comes_back_byte_for_byte(self, gitlab: GitLab, content: bytes) -> None:
        created = secure_files(gitlab).create({"name": "a", "file": content})

        assert secure_files(gitlab).get(created.id).download() == content

    @pytest.mark.parametrize("size, status", [(5_242_879, 201), (5_242_880, 413)])
    def test_must_be_smaller_than_5_mib(self, gitlab: GitLab, size: int, status: int) -> None:
        content = os.urandom(size)

        reply = upload(gitlab, "big", content)

        assert reply.status_code == status
        assert [file.content for file in gitlab.files(PROJECT)] == ([content] if status == 201 else [])
        assert status == 201 or reply.json() == {"message": "413 Request Entity Too Large"}

    @pytest.mark.parametrize("project", ["42", "acme%2Fami", "Acme%2FAMI"])
    def test_is_found_by_the_projects_id_and_by_its_path(self, gitlab: GitLab, project: str) -> None:
        file = gitlab.put(PROJECT, "a.json", b"{}")

        shown = requests.get(url(gitlab, f"/{file.id}", project), headers=MAINTAINER)

        assert shown.json()["name"] == "a.json"

    def test_of_one_project_is_not_seen_in_another_though_ids_are_the_instances(self, gitlab: GitLab) -> None:
        first, other = gitlab.put(PROJECT, "a", b""), gitlab.put("acme/other", "a", b"")
        second = gitlab.put(PROJECT, "b", b"")

        assert first.id < other.id < second.id
        assert [file.id for file in secure_files(gitlab).list(get_all=True)] == [second.id, first.id]
        with pytest.raises(python_gitlab.GitlabGetError, match="404"):
            secure_files(gitlab).get(other.id)

    @pytest.mark.parametrize("method, rest", [("GET", "/999"), ("GET", "/999/download"), ("DELETE", "/999"), ("GET", "/x")])
    def test_that_is_not_there_is_a_404(self, gitlab: GitLab, method: str, rest: str) -> None:
        reply = requests.request(method, url(gitlab, rest), headers=MAINTAINER)

        assert (reply.status_code, reply.json()) == (404, {"message": "404 Not found"})

    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_can_not_be_replaced(self, gitlab: GitLab, method: str) -> None:
        file = gitlab.put(PROJECT, "a.json", b"{}")

        reply = requests.request(method, url(gitlab, f"/{file.id}"), headers=MAINTAINER, data={"name": "b.json"})

        assert (reply.status_code, reply.json()) == (405, {"error": "405 Not Allowed"})


class TestAnUpload:
    def test_of_a_name_that_is_taken_is_refused(self, gitlab: GitLab) -> None:
        secure_files(gitlab).create({"name": "a.json", "file": b"1"})

        with pytest.raises(python_gitlab.GitlabCreateError) as refused:
            secure_files(gitlab).create({"name": "a.json", "file": b"2"})

        assert refused.value.response_code == 400
        assert json.loads(refused.value.response_body) == {"message": {"name": ["has already been taken"]}}
        assert [file.content for file in gitlab.files(PROJECT)] == [b"1"]

    def test_beyond_100_files_is_refused(self, gitlab: GitLab) -> None:
        for number in range(99):
            gitlab.put(PROJECT, f"{number}.json", b"{}")

        assert upload(gitlab, "the hundredth").status_code == 201
        reply = upload(gitlab, "one more")

        assert (reply.status_code, reply.json()) == (
            400, {"message": {"base": ["Maximum number of project ci secure files (100) exceeded"]}})

    @pytest.mark.parametrize("name, status, stored", [
        ("a-b_C.1.json", 201, "a-b_C.1.json"),
        ("n" * 255, 201, "n" * 255),
        ("n" * 256, 500, None),
        ("a%2Eb", 201, "a.b"),  # GitLab decodes names
        ("a+b", 201, "a b"),
        ("a%252Eb", 500, None),
        ("../a", 500, None),
        ("..%2Fa", 500, None),
        ("a/../b", 500, None),
        ("..", 500, None),
        ("", 400, None)])
    def test_has_its_name_judged(self, gitlab: GitLab, name: str, status: int, stored: str | None) -> None:
        reply = upload(gitlab, name)

        assert reply.status_code == status
        assert names(gitlab) == ([stored] if stored else [])
        assert status != 500 or reply.json() == {"message": "500 Internal Server Error"}

    @pytest.mark.parametrize("request_, error", [
        ({"data": {"name": "a"}}, "file is missing"),
        ({"files": {"file": b"1"}}, "name is missing"),
        ({}, "name is missing, file is missing"),
        ({"data": {"name": "a", "file": "not a file"}}, "file is invalid"),
        ({"json": {"name": "a", "file": "not a file"}}, "file is invalid")])
    def test_needs_a_name_and_a_file(self, gitlab: GitLab, request_: dict[str, Any], error: str) -> None:
        reply = requests.post(url(gitlab), headers=MAINTAINER, **request_)

        assert (reply.status_code, reply.json()) == (400, {"error": error})

    def test_that_breaks_off_stores_nothing(self, gitlab: GitLab) -> None:
        body = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\na\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n{'

        reply = requests.post(url(gitlab), data=body, headers={**MAINTAINER, "Content-Type": "multipart/form-data; boundary=x"})

        assert reply.status_code == 400
        assert gitlab.files(PROJECT) == []


class TestWhoMayDoWhat:
    @pytest.mark.parametrize("role, reads, writes", [
        ("guest", 403, 403), ("planner", 403, 403), ("reporter", 403, 403),
        ("developer", 200, 403), ("maintainer", 200, 201), ("owner", 200, 201)])
    @pytest.mark.parametrize("header, prefix", [("JOB-TOKEN", "glcbt"), ("PRIVATE-TOKEN", "glpat")])
    def test_is_up_to_the_role(self, gitlab: GitLab, header: str, prefix: str, role: str, reads: int, writes: int) -> None:
        file = gitlab.put(PROJECT, "a.json", b"{}")
        token = {header: f"{prefix}-{role}"}

        listed, shown, downloaded = (requests.get(url(gitlab, rest), headers=token)
                                     for rest in ("", f"/{file.id}", f"/{file.id}/download"))
        created = upload(gitlab, "b.json", headers=token)
        deleted = requests.delete(url(gitlab, f"/{file.id}"), headers=token)

        assert [reply.status_code for reply in (listed, shown, downloaded)] == [reads] * 3
        assert (created.status_code, deleted.status_code) == (writes, 204 if writes == 201 else writes)
        assert all(reply.json() == FORBIDDEN for reply in (listed, created, deleted) if reply.status_code == 403)

    @pytest.mark.parametrize("headers, query, status, body", [
        ({}, "", 401, UNAUTHORIZED),
        ({"JOB-TOKEN": "glcbt-developer"}, "", 200, []),
        ({"Authorization": "Bearer glcbt-developer"}, "", 200, []),
        ({}, "?job_token=glcbt-developer", 200, []),
        ({"PRIVATE-TOKEN": "glpat-developer"}, "", 200, []),
        ({"Authorization": "Bearer glpat-developer"}, "", 200, []),
        ({}, "?private_token=glpat-developer", 200, []),
        ({"PRIVATE-TOKEN": "glcbt-developer"}, "", 401, UNAUTHORIZED),  # a job token, but in the wrong header
        ({"JOB-TOKEN": "glpat-developer"}, "", 401, UNAUTHORIZED),
        ({"JOB-TOKEN": "glcbt-nobody-knows"}, "", 401, UNAUTHORIZED),
        ({"PRIVATE-TOKEN": "glpat-nobody-knows"}, "", 401, UNAUTHORIZED),
        ({"Authorization": "Bearer nobody-knows"}, "", 401, UNAUTHORIZED),
        ({"PRIVATE-TOKEN": "glpat-outsider"}, "", 404, NO_PROJECT),
        ({"JOB-TOKEN": "glcbt-outsider"}, "", 403,
         {"message": "403 Forbidden - Authentication by CI/CD job token not allowed from elsewhere to ami."}),
        ({"PRIVATE-TOKEN": "glpat-read-only"}, "", 200, []),
        ({"JOB-TOKEN": "glcbt-read-only"}, "", 200, []),
        ({"PRIVATE-TOKEN": "glpat-expired"}, "", 401, {
            "error": "invalid_token",
            "error_description": "Token is expired. You can either do re-authorization or token refresh."})])
    def test_is_up_to_the_token(self, gitlab: GitLab, headers: dict[str, str], query: str, status: int, body: Any) -> None:
        reply = requests.get(url(gitlab, query), headers=headers)

        assert (reply.status_code, reply.json()) == (status, body)

    @pytest.mark.parametrize("headers, body", [
        ({"PRIVATE-TOKEN": "glpat-read-only"}, {
            "error": "insufficient_scope", "scope": "api read_api",
            "error_description": "The request requires higher privileges than provided by the access token."}),
        ({"JOB-TOKEN": "glcbt-read-only"}, {
            "message": "403 Forbidden - Insufficient permissions to access this resource in project ami. "
                       "The following token permission is required: admin_secure_files."})])
    def test_is_up_to_what_the_token_was_narrowed_to(self, gitlab: GitLab, headers: dict[str, str], body: Any) -> None:
        reply = upload(gitlab, "a.json", headers=headers)

        assert (reply.status_code, reply.json()) == (403, body)

    @pytest.mark.parametrize("project", ["41", "acme%2Fnothing", "acme"])
    def test_of_a_project_that_is_not_there_is_nothing(self, gitlab: GitLab, project: str) -> None:
        reply = requests.get(url(gitlab, project=project), headers=MAINTAINER)

        assert (reply.status_code, reply.json()) == (404, NO_PROJECT)

    def test_ends_with_the_job(self, gitlab: GitLab) -> None:
        del gitlab.tokens["glcbt-maintainer"]

        with pytest.raises(python_gitlab.GitlabAuthenticationError, match="401"):
            secure_files(gitlab).list(get_all=True)

    def test_is_judged_before_what_the_request_says(self, gitlab: GitLab) -> None:
        assert requests.post(url(gitlab), headers={"JOB-TOKEN": "glcbt-developer"}).status_code == 403

    def test_covers_the_project_the_user_and_the_version_for_private_tokens_alone(self, gitlab: GitLab) -> None:
        client = python_gitlab.Gitlab(gitlab.url, private_token="glpat-developer")
        client.auth()

        assert client.version()[0] == "18.2.0-ee"
        assert client.projects.get(PROJECT).id == 42
        for path, status in (("/user", 401), ("/version", 401), ("/projects/42", 404)):
            assert requests.get(gitlab.api_url + path, headers=MAINTAINER).status_code == status


class TestAList:
    @pytest.mark.parametrize("page_size", [1, 2, 3, 5, 100])
    def test_is_walked_page_by_page_newest_first(self, gitlab: GitLab, page_size: int) -> None:
        for name in "abcde":
            gitlab.put(PROJECT, name, b"")

        walked = secure_files(gitlab).list(iterator=True, per_page=page_size)

        assert [file.name for file in walked] == list("edcba")
        assert len(gitlab.log) == -(-5 // page_size)

    @pytest.mark.parametrize("query, length, per_page, next_page, previous, pages, links", [
        ("", 20, "20", "2", "", "6", {"next": 2, "first": 1, "last": 6}),
        ("?per_page=100", 100, "100", "2", "", "2", {"next": 2, "first": 1, "last": 2}),
        ("?per_page=1000", 100, "100", "2", "", "2", {"next": 2, "first": 1, "last": 2}),
        ("?per_page=50&page=2", 50, "50", "3", "1", "3", {"prev": 1, "next": 3, "first": 1, "last": 3}),
        ("?per_page=50&page=3", 1, "50", "", "2", "3", {"prev": 2, "first": 1, "last": 3}),
        ("?per_page=50&page=4", 0, "50", "", "", "3", {"first": 1, "last": 3})])
    def test_tells_its_pages_in_headers(self, gitlab: GitLab, query: str, length: int, per_page: str, next_page: str,
                                        previous: str, pages: str, links: dict[str, int]) -> None:
        for number in range(101):
            gitlab.put(PROJECT, f"{number}", b"")

        reply = requests.get(url(gitlab, query), headers=MAINTAINER)

        assert len(reply.json()) == length
        assert {name: reply.headers[name] for name in reply.headers if name.startswith("X-")} == {
            "X-Page": query.partition("&page=")[2] or "1", "X-Per-Page": per_page, "X-Next-Page": next_page,
            "X-Prev-Page": previous, "X-Total": "101", "X-Total-Pages": pages}
        assert {rel: f"page={page}" in link["url"] for rel, page in links.items()
                for link in [reply.links[rel]]} == dict.fromkeys(links, True)
        assert set(reply.links) == set(links)

    @pytest.mark.parametrize("query, error", [
        ("?per_page=x", "per_page is invalid"), ("?page=0", "page does not have a valid value")])
    def test_refuses_pages_that_are_none(self, gitlab: GitLab, query: str, error: str) -> None:
        reply = requests.get(url(gitlab, query), headers=MAINTAINER)

        assert (reply.status_code, reply.json()) == (400, {"error": error})

    def test_has_files_of_the_same_millisecond_in_any_order(self) -> None:
        with GitLab(clock=lambda: datetime(2026, 1, 1, tzinfo=timezone.utc)) as gitlab:
            for name in "abc":
                gitlab.put(PROJECT, name, b"")

            orders = {tuple(file.name for file in secure_files(gitlab).list(get_all=True)) for _ in range(40)}

        assert len(orders) > 1
        assert {"".join(sorted(order)) for order in orders} == {"abc"}


def pipeline_jobs(gitlab: GitLab, pipeline: int = 7, **token: str) -> Any:
    """python-gitlab's manager of a pipeline's jobs."""
    client = python_gitlab.Gitlab(gitlab.url, **(token or {"job_token": "glcbt-maintainer"}))
    return client.projects.get(42, lazy=True).pipelines.get(pipeline, lazy=True).jobs


class TestThePipelinesJobs:
    @pytest.fixture(autouse=True)
    def pipelines(self, gitlab: GitLab) -> None:
        for pipeline, name, status in ((6, "build: [1, a]", "failed"), (7, "build: [1, a]", "failed"), (7, "build: [2, a]", "failed"),
                                       (7, "build: [3, a]", "canceled"), (7, "update: [1, a]", "skipped"), (7, "build: [1, a]", "success")):
            gitlab.run_job(PROJECT, pipeline, name, status, name.partition(":")[0])

    @pytest.mark.parametrize("token", [{"job_token": "glcbt-guest"}, {"private_token": "glpat-guest"}, {"oauth_token": "glpat-guest"}])
    def test_are_listed_newest_first_and_of_each_the_last_run(self, gitlab: GitLab, token: dict[str, str]) -> None:
        listed = pipeline_jobs(gitlab, **token).list(get_all=True)

        assert [(job.name, job.status, job.stage) for job in listed] == [
            ("build: [1, a]", "success", "build"), ("update: [1, a]", "skipped", "update"),
            ("build: [3, a]", "canceled", "build"), ("build: [2, a]", "failed", "build")]
        assert {job.pipeline["id"] for job in listed} == {7}
        assert [job.web_url for job in listed] == [f"{gitlab.url}/acme/ami/-/jobs/{job.id}" for job in listed]

    def test_that_were_retried_are_there_for_who_asks(self, gitlab: GitLab) -> None:
        listed = pipeline_jobs(gitlab).list(get_all=True, include_retried=True)

        assert [job.status for job in listed if job.name == "build: [1, a]"] == ["success", "failed"]

    @pytest.mark.parametrize("scope, names", [
        (["failed", "canceled"], ["build: [3, a]", "build: [2, a]"]), ("failed", ["build: [2, a]"]), (["running"], [])])
    def test_are_those_of_the_scope(self, gitlab: GitLab, scope: str | list[str], names: list[str]) -> None:
        assert [job.name for job in pipeline_jobs(gitlab).list(scope=scope, iterator=True)] == names

    def test_are_walked_page_by_page_within_the_scope(self, gitlab: GitLab) -> None:
        walked = pipeline_jobs(gitlab).list(scope=["failed", "canceled"], iterator=True, per_page=1)

        assert [job.name for job in walked] == ["build: [3, a]", "build: [2, a]"]
        assert len(gitlab.requests("GET", "/pipelines/7/jobs$")) == 2

    @pytest.mark.parametrize("path, headers, status, body", [
        ("8/jobs", MAINTAINER, 404, {"message": "404 Not found"}),
        ("x/jobs", MAINTAINER, 400, {"error": "pipeline_id is invalid"}),
        ("7/jobs?scope[]=lost", MAINTAINER, 400, {"error": "scope does not have a valid value"}),
        ("7/jobs", {}, 401, UNAUTHORIZED),
        ("7/jobs", {"PRIVATE-TOKEN": "glpat-outsider"}, 404, NO_PROJECT),
        ("7/jobs", {"JOB-TOKEN": "glcbt-secure-files"}, 403, {
            "message": "403 Forbidden - Insufficient permissions to access this resource in project ami. "
                       "The following token permission is required: read_jobs."})])
    def test_may_be_refused(self, gitlab: GitLab, path: str, headers: dict[str, str], status: int, body: Any) -> None:
        reply = requests.get(f"{gitlab.api_url}/projects/42/pipelines/{path}", headers=headers)

        assert (reply.status_code, reply.json()) == (status, body)

    def test_are_not_for_job_tokens_in_gitlab_17(self, gitlab: GitLab) -> None:
        gitlab.job_tokens_list_jobs = False

        with pytest.raises(python_gitlab.GitlabListError, match="404 Project Not Found"):
            pipeline_jobs(gitlab).list(get_all=True)
        assert len(pipeline_jobs(gitlab, private_token="glpat-maintainer").list(get_all=True)) == 4


def packages(gitlab: GitLab, **token: str) -> Any:
    """python-gitlab's manager of the project's generic packages."""
    client = python_gitlab.Gitlab(gitlab.url, **(token or {"job_token": "glcbt-developer"}))
    return client.projects.get(42, lazy=True).generic_packages


class TestAGenericPackage:
    @pytest.mark.parametrize("token", [{"job_token": "glcbt-developer"}, {"private_token": "glpat-developer"}])
    def test_serves_the_newest_of_the_files_of_one_name(self, gitlab: GitLab, token: dict[str, str], tmp_path: Path) -> None:
        for content in (b"{}", b'{"newer": true}'):
            (tmp_path / "images.json").write_bytes(content)
            packages(gitlab, **token).upload("ami-scheduler.libstdc++", "main", "images.json", str(tmp_path / "images.json"))

            assert packages(gitlab, job_token="glcbt-reporter").download("ami-scheduler.libstdc++", "main", "images.json") == content

        assert gitlab.project(PROJECT).packages == {("ami-scheduler.libstdc++", "main", "images.json"): [b"{}", b'{"newer": true}']}

    @pytest.mark.parametrize("how", [
        {"auth": ("gitlab-ci-token", "glcbt-reporter")}, {"auth": ("anybody", "gldt-packages")}, {"headers": {"DEPLOY-TOKEN": "gldt-packages"}}])
    def test_is_read_by_basic_auth_and_by_deploy_tokens(self, gitlab: GitLab, how: dict[str, Any]) -> None:
        gitlab.project(PROJECT).packages["p", "main", "a"] = [b"{}"]
        at = f"{gitlab.api_url}/projects/42/packages/generic/p/main/a"
        assert requests.get(at, **how).content == b"{}"
        assert requests.put(at, data=b"", **how).status_code == 403
        assert requests.get(url(gitlab), **how).status_code == 401, "it opens nothing else"

    @pytest.mark.parametrize("name, headers, status, body", [
        ("p/main/a", {"JOB-TOKEN": "glcbt-reporter"}, 403, {"message": "403 Forbidden"}),
        ("p/main/a", {"JOB-TOKEN": "glcbt-outsider"}, 403,
         {"message": "403 Forbidden - Authentication by CI/CD job token not allowed from elsewhere to ami."}),
        ("p/a..b/a", MAINTAINER, 400, {"error": "package_version is invalid"}),
        ("p/feature%2Fa/a", MAINTAINER, 400, {"error": "package_version is invalid"}),
        ("p%20q/main/a", MAINTAINER, 400, {"error": "package_name is invalid"}),
        ("p/main/a%2Fb", MAINTAINER, 400, {"error": "file_name is invalid"}),
    ])
    def test_may_be_refused(self, gitlab: GitLab, name: str, headers: dict[str, str], status: int, body: Any) -> None:
        reply = requests.put(f"{gitlab.api_url}/projects/42/packages/generic/{name}", headers=headers, data=b"{}")
        assert (reply.status_code, reply.json()) == (status, body)
        assert gitlab.project(PROJECT).packages == {}

    def test_is_replaced_unless_the_group_allows_no_duplicates(self, gitlab: GitLab) -> None:
        def put() -> requests.Response:
            return requests.put(f"{gitlab.api_url}/projects/42/packages/generic/p/main/a", headers=MAINTAINER, data=b"{}")

        gitlab.allows_duplicate_packages = False
        assert [put().status_code, put().status_code] == [201, 400]
        gitlab.has_package_registry = False
        assert put().json() == {"message": "403 Forbidden"}


class TestOnTheWire:
    """curl, since it shows what libraries hide."""

    @staticmethod
    def curl(*arguments: str) -> str:
        curl = shutil.which("curl") or pytest.fail("curl is needed for this test, and isn't installed")
        return subprocess.run([curl, "--silent", "--show-error", "--max-time", "10", "-H", "JOB-TOKEN: glcbt-maintainer", *arguments],
                              check=True, capture_output=True, text=True).stdout

    @pytest.mark.parametrize("header", ["Expect: 100-continue", "Transfer-Encoding: chunked"])
    def test_a_large_upload_may_ask_first_and_may_come_in_chunks(self, gitlab: GitLab, tmp_path: Path, header: str) -> None:
        content = os.urandom(3_000_000)
        (tmp_path / "file").write_bytes(content)

        replied = self.curl("-i", "-H", header, "-F", "name=a.json", "-F", f"file=@{tmp_path}/file", url(gitlab))

        assert "HTTP/1.1 100 Continue" in replied
        assert "HTTP/1.1 201 Created" in replied
        assert [file.content for file in gitlab.files(PROJECT)] == [content]

    def test_a_connection_is_kept_from_request_to_request(self, gitlab: GitLab) -> None:
        file = gitlab.put(PROJECT, "a.json", b"{}")
        rest = [url(gitlab), url(gitlab, "/999"), url(gitlab, f"/{file.id}/download")]

        made = self.curl("-w", "%{stderr}%{num_connects}", "-o", "/dev/null", *sum((["-o", "/dev/null", each] for each in rest[:2]), []),
                         "-w", "%{num_connects} ", rest[2])

        assert made.split() == ["1", "0", "0"]

    def test_a_download_says_what_it_is(self, gitlab: GitLab) -> None:
        file = gitlab.put(PROJECT, "a b.json", b"{}\n")

        replied = self.curl("-i", url(gitlab, f"/{file.id}/download"))

        assert "Content-Type: application/octet-stream\n" in replied
        assert "Content-Disposition: attachment; filename=a b.json\n" in replied
        assert "Content-Length: 3\n" in replied

    def test_a_deletion_has_no_body(self, gitlab: GitLab) -> None:
        file = gitlab.put(PROJECT, "a.json", b"{}")

        replied = self.curl("-i", "-X", "DELETE", url(gitlab, f"/{file.id}"))

        assert replied.startswith("HTTP/1.1 204 No Content\n")
        assert "Content-Length" not in replied and replied.endswith("\n\n")


class TestFaults:
    @pytest.mark.parametrize("fault, seen, stored", [
        ("cut", "cut", False),
        ("rate_limited", 429, False),
        ("server_error", 500, False),
        ("bad_gateway", 502, False),
        ("gateway_timeout", 504, True),
        ("lost_reply", "cut", True),
        ("cut_reply", "cut", True),
        ("corrupt", 201, True),
        ("stale_list", 201, True)])
    def test_happen_before_or_after_the_effect(self, gitlab: GitLab, fault: str, seen: int | str, stored: bool) -> None:
        gitlab.fail_next(fault, "POST")

        try:
            outcome: int | str = upload(gitlab, "a.json").status_code
        except requests.RequestException:
            outcome = "cut"

        assert outcome == seen
        assert names(gitlab) == (["a.json"] if stored else [])
        assert [entry.fault for entry in gitlab.log] == [fault]
        assert upload(gitlab, "b.json").status_code == 201  # and then it is over

    def test_are_all_in_the_table_above(self) -> None:
        [table] = (mark.args[1] for mark in self.test_happen_before_or_after_the_effect.pytestmark)  # type: ignore[attr-defined]
        assert {row[0] for row in table} == set(FAULTS)

    def test_meet_only_the_requests_they_are_meant_for(self, gitlab: GitLab) -> None:
        file = gitlab.put(PROJECT, "a.json", b"{}")
        gitlab.fail_next("server_error", path="/download$", times=2)

        statuses = [requests.get(url(gitlab, rest), headers=MAINTAINER).status_code
                    for rest in ("", *[f"/{file.id}/download"] * 3)]

        assert statuses == [200, 500, 500, 200]

    def test_a_rate_limit_is_told_as_rack_attack_does_and_python_gitlab_obeys_it(self, gitlab: GitLab) -> None:
        gitlab.faults.retry_after = 0
        gitlab.fail_next("rate_limited", times=2)

        reply = requests.get(url(gitlab), headers=MAINTAINER)
        secure_files(gitlab).list(get_all=True)

        assert (reply.status_code, reply.headers["Content-Type"], reply.text) == (429, "text/plain", "Retry later\n")
        assert reply.headers["Retry-After"] == "0"
        assert [entry.status for entry in gitlab.log] == [429, 429, 200]

    @pytest.mark.parametrize("fault", ["cut_reply", "corrupt"])
    def test_spoil_a_download(self, gitlab: GitLab, fault: str) -> None:
        file = gitlab.put(PROJECT, "a.json", b"1234")
        gitlab.fail_next(fault, path="/download$")
        connection = http.client.HTTPConnection(gitlab.url.partition("//")[2])
        connection.request("GET", f"/api/v4/projects/42/secure_files/{file.id}/download", headers=MAINTAINER)
        reply = connection.getresponse()

        if fault == "corrupt":
            assert reply.read() == b"0234"
        else:
            with pytest.raises(http.client.IncompleteRead, match="2 bytes read, 2 more expected"):
                reply.read()

    @pytest.mark.parametrize("staleness, seen", [(None, ["a"]), (0, ["a", "b"]), (60, [])])
    def test_a_stale_list_is_as_old_as_one_says(self, gitlab: GitLab, staleness: float | None, seen: list[str]) -> None:
        gitlab.faults.staleness = staleness
        gitlab.put(PROJECT, "a", b"")
        gitlab.put(PROJECT, "b", b"")
        gitlab.fail_next("stale_list", "GET")

        stale, fresh = (sorted(file.name for file in secure_files(gitlab).list(get_all=True)) for _ in range(2))

        assert (stale, fresh) == (seen, ["a", "b"])

    def test_two_uploads_of_one_name_at_once_can_both_succeed(self) -> None:
        with GitLab(faults=Faults(insert_window=(0.3, 0.3))) as gitlab:
            replies: list[int] = []
            uploads = [threading.Thread(target=lambda: replies.append(upload(gitlab, "a.json").status_code)) for _ in range(2)]
            for thread in uploads:
                thread.start()
            for thread in uploads:
                thread.join()
            later = upload(gitlab, "a.json").status_code

            assert (replies, later, names(gitlab)) == ([201, 201], 400, ["a.json", "a.json"])

    @pytest.mark.parametrize("chance, failures", [(0, (0, 0)), (0.5, (20, 80)), (1, (100, 100))])
    def test_come_as_often_as_one_says_and_the_same_for_the_same_seed(self, chance: float, failures: tuple[int, int]) -> None:
        def run() -> list[int]:
            with GitLab(faults=Faults(bad_gateway=chance, seed=7)) as gitlab, requests.Session() as session:
                return [session.get(url(gitlab), headers=MAINTAINER).status_code for _ in range(100)]

        first, second = run(), run()

        assert first == second
        assert failures[0] <= first.count(502) <= failures[1]

    def test_that_do_not_exist_are_refused(self, gitlab: GitLab) -> None:
        with pytest.raises(ValueError, match="no such fault"):
            gitlab.fail_next("earthquake")


class TestTheLog:
    def test_tells_what_was_asked_and_with_which_kind_of_token_but_never_the_token(self, gitlab: GitLab) -> None:
        requests.get(url(gitlab, "?per_page=100&job_token=glcbt-maintainer"))
        upload(gitlab, "a.json", headers={"PRIVATE-TOKEN": "glpat-maintainer"})
        requests.get(url(gitlab), headers={"JOB-TOKEN": "secret"})
        requests.get(url(gitlab))

        assert [(entry.method, entry.query, entry.token, entry.status) for entry in gitlab.log] == [
            ("GET", {"per_page": "100"}, "job", 200), ("POST", {}, "private", 201),
            ("GET", {}, "unknown", 401), ("GET", {}, "none", 401)]
        assert not any(token in repr(gitlab.log) for token in (*TOKENS, "secret"))
        assert len(gitlab.requests("POST", "/secure_files$")) == 1
        assert gitlab.requests("DELETE") == []


class TestAsAProgram:
    def test_it_prints_its_url_first_and_serves_there(self) -> None:
        program = [sys.executable, str(Path(__file__).with_name("gitlab_stand_in.py")), "--project", "team/thing=7", "--limit", "0"]
        with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout
            api_url = server.stdout.readline().strip()
            reply = requests.post(f"{api_url}/projects/team%2Fthing/secure_files", headers=MAINTAINER, data={"name": "a"}, files={"file": b"{}"})
            server.terminate()

        assert reply.json() == {"message": {"base": ["Maximum number of project ci secure files (0) exceeded"]}}


class TestAnIssue:
    def test_is_opened_found_by_its_label_changed_and_closed(self, gitlab: GitLab) -> None:
        client = python_gitlab.Gitlab(gitlab.url, private_token="glpat-reporter")
        issues = client.projects.get(42, lazy=True).issues
        opened = issues.create({"title": "Images: 1 failed", "description": "18.6.0", "labels": ["images of p"]})
        issues.create({"title": "Another", "labels": ["images of q"]})

        [found] = issues.list(labels=["images of p"], state="opened", get_all=True)
        assert (found.iid, found.title, found.state, found.labels) == (opened.iid, "Images: 1 failed", "opened", ["images of p"])
        issues.update(found.iid, {"description": "18.7.0"})
        issues.update(found.iid, {"state_event": "close"})

        assert issues.list(labels=["images of p"], state="opened", get_all=True) == []
        [closed] = issues.list(labels=["images of p"], state="closed", get_all=True)
        assert (closed.description, closed.labels) == ("18.7.0", ["images of p"])

    def test_has_no_labels_of_a_guest_and_is_not_for_job_tokens(self, gitlab: GitLab) -> None:
        guest = python_gitlab.Gitlab(gitlab.url, private_token="glpat-guest").projects.get(42, lazy=True)
        assert guest.issues.create({"title": "A question", "labels": ["images of p"]}).labels == []
        with pytest.raises(python_gitlab.GitlabUpdateError, match="403"):
            guest.issues.update(1, {"title": "Another"})
        with pytest.raises(python_gitlab.GitlabCreateError, match="title is missing"):
            guest.issues.create({"title": ""})
        with pytest.raises(python_gitlab.GitlabListError, match="404 Project Not Found"):
            python_gitlab.Gitlab(gitlab.url, job_token="glcbt-maintainer").projects.get(42, lazy=True).issues.list(get_all=True)


class TestGlab:
    """GitLab's own command line client, by raw calls."""

    @pytest.fixture
    def glab(self, gitlab: GitLab, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
        program = Path(__file__).parent.parent / ".tools/bin/glab"
        found = str(program) if program.exists() else shutil.which("glab")
        if not found:
            pytest.fail("glab is needed for this test: neither .tools/bin/glab is there nor is it on the PATH")
        host = gitlab.url.partition("//")[2]
        config = tmp_path / "glab" / "config.yml"
        config.parent.mkdir()
        config.write_text(f"check_update: false\nhosts:\n  {host}:\n    api_protocol: http\n    api_host: {host}\n")
        config.chmod(0o600)  # or it refuses to read it

        def run(*arguments: str, token: str = "glpat-maintainer") -> subprocess.CompletedProcess[str]:
            environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GLAB_CONFIG_DIR": str(config.parent),
                           "GITLAB_HOST": host, "GITLAB_TOKEN": token, "NO_PROXY": "127.0.0.1"}
            return subprocess.run([found, "api", *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=20)

        return run

    def test_uploads_lists_downloads_and_deletes(self, gitlab: GitLab, glab: Callable[..., Any], tmp_path: Path) -> None:
        (tmp_path / "body").write_bytes(
            b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\na.json\r\n'
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n{"a":\r\n1}\r\n--x--\r\n')
        files = "projects/acme%2Fami/secure_files"

        created = glab("-X", "POST", "-H", "Content-Type: multipart/form-data; boundary=x", "--input", "body", files)
        listed = glab(files)
        number = json.loads(created.stdout)["id"]
        downloaded = glab(f"{files}/{number}/download")
        deleted = glab("-X", "DELETE", f"{files}/{number}")

        assert json.loads(listed.stdout) == [json.loads(created.stdout)]
        assert downloaded.stdout == '{"a":\n1}'  # text mode made \r\n of it \n
        assert (deleted.returncode, gitlab.files(PROJECT)) == (0, [])
        assert {entry.token for entry in gitlab.log} == {"private"}

    def test_follows_the_links_from_page_to_page(self, gitlab: GitLab, glab: Callable[..., Any]) -> None:
        for name in "abcde":
            gitlab.put(PROJECT, name, b"")

        walked = glab("--paginate", "projects/42/secure_files?per_page=2")

        assert [name for name in "edcba" if f'"name":"{name}"' in walked.stdout] == list("edcba")
        assert len(gitlab.log) == 3

    def test_lists_the_jobs_of_a_pipeline_that_failed(self, gitlab: GitLab, glab: Callable[..., Any]) -> None:
        for number in range(3):
            gitlab.run_job(PROJECT, 7, f"build: [{number}, a]", "failed" if number else "success")

        listed = glab("--paginate", "projects/acme%2Fami/pipelines/7/jobs?scope[]=failed&scope[]=canceled&per_page=1")

        assert [name for name in ("[2, a]", "[1, a]", "[0, a]") if name in listed.stdout] == ["[2, a]", "[1, a]"]
        assert len(gitlab.log) == 2

    @pytest.mark.parametrize("token, message", [
        ("glpat-nobody-knows", "401 Unauthorized"), ("glpat-guest", "403 Forbidden"), ("glpat-outsider", "404 Project Not Found")])
    def test_reports_a_refusal(self, glab: Callable[..., Any], token: str, message: str) -> None:
        refused = glab("projects/42/secure_files", token=token)

        assert refused.returncode == 1
        assert message in refused.stdout + refused.stderr
