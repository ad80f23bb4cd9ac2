"""The status page in a real browser: what it shows, its filter, by keyboard, on a phone, in the dark,
printed, without JavaScript; and that it asks no network for anything."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import board
from browser import chromium
from conftest import ROOT, Module, tool

AXE = ROOT / ".tools" / "node" / "node_modules" / "axe-core" / "axe.min.js"
HOSTILE = "</td><script>document.title='taken'</script><img src=x onerror=alert(1)> \"'&amp; \u202e漢字 \x1b[2J"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(tool("chromium")) as browser:
        yield browser


@pytest.fixture(scope="module")
def html(wasm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    module = Module(wasm, tmp_path_factory.mktemp("status"))
    tracker = module.folder / "tracker"
    tracker.mkdir()
    board.fill(tracker)
    return status_page(module)


def status_page(module: Module) -> Path:
    run = module("status", "--tracker", "tracker", "--format", "html", "--output", "status.html", "--now", board.NOW)
    assert (run.code, run.all) == (0, "")
    return module.folder / "status.html"


Open = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Opens a page; at the end nothing may have been complained of or asked for."""
    complaints: list[str] = []
    requests: list[str] = []
    contexts = []

    def open_page(file: Path, fragment: str = "", **options: object) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1180, "height": 800}} | options)
        contexts.append(context)
        page = context.new_page()
        page.clock.install(time=board.NOW)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"{file.as_uri()}{fragment}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert len(requests) == len(contexts)


def releases(page: Page) -> list[str]:
    return [row.get_attribute("data-package") for row in page.locator("tbody tr").all() if row.is_visible()]


def overflow(page: Page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


# ---------------------------------------------------------------- what it shows


def test_every_release_and_target_has_its_cell(opened: Open, html: Path) -> None:
    page = opened(html)

    runner = page.get_by_role("region", name="Every release").first
    expect(page.get_by_role("heading", level=2)).to_have_text(["gitlab-runner on main", "amazon-cloudwatch-agent on feature/agent"])
    expect(runner.get_by_role("columnheader")).to_have_text(["Release", "al2023", "rhel9", "rocky9"])
    expect(runner.get_by_role("rowheader").first).to_have_text("18.7.0-1 x86_64")
    newest = runner.get_by_role("row").nth(1).get_by_role("cell")
    expect(newest.nth(0)).to_contain_text("built 5 hours ago")
    expect(newest.nth(0)).to_contain_text(board.ami("18.7.0al2023"))
    expect(newest.nth(1)).to_contain_text("failed 4 hours ago attempt 2")
    expect(newest.nth(1).get_by_role("link", name="pipeline 4958")).to_have_attribute("href", f"{board.GITLAB}/pipelines/4958")
    expect(newest.nth(2)).to_contain_text("building 17 minutes ago")
    expect(runner.get_by_role("row").nth(2).get_by_role("cell").nth(2)).to_contain_text("asked for again: the image had no swap")


def test_each_target_stands_on_top_with_its_newest_image_those_that_are_stuck_first(opened: Open, html: Path) -> None:
    page = opened(html)

    cards = page.locator("section").first.locator(".cards li")
    expect(cards.locator(".target")).to_have_text(["rhel9 x86_64", "al2023 x86_64", "rocky9 x86_64"])
    expect(cards.locator(".release")).to_have_text(["18.6.2-1", "18.7.0-1", "18.6.1-1"])
    expect(cards.locator(".behind")).to_have_text(["1 release behind: 18.7.0 failed", "2 releases behind: 18.7.0 building, 18.6.2 pending"])
    expect(cards.first).to_contain_text(board.ami("18.6.2rhel9"))
    expect(cards.first.locator(".behind")).to_have_class("behind bad")
    expect(cards.locator(".channel")).to_have_text([
        "stable 18.6.1-1 revoked: loses its network, by mary", "stable 18.6.1-1", "stable this image"])
    expect(page.locator(".last-run")).to_have_text("Last recorded run 5 hours ago, 2026-11-24 02:00 UTC: 1 built, 1 failed")


def test_several_trackers_have_an_overview_that_leads_to_them(opened: Open, html: Path) -> None:
    page = opened(html)
    overview = page.get_by_role("navigation", name="Overview").get_by_role("link")
    expect(overview).to_have_text(["gitlab-runner main 1 of 3 targets stuck", "amazon-cloudwatch-agent feature/agent up to date"])
    overview.nth(1).click()
    expect(page.locator("section").nth(1).get_by_role("heading", level=2)).to_be_in_viewport()
    assert len(releases(page)) == 10, "it filters nothing"


@pytest.fixture
def long(ami: Module) -> Path:
    (ami.folder / "tracker").mkdir()
    board.head(ami.folder / "tracker", board.long())
    return status_page(ami)


def test_what_is_old_is_folded_and_a_failure_before_a_newer_image_is_none(opened: Open, long: Path) -> None:
    page = opened(long)

    assert releases(page) == [f"gitlab-runner-18.9.{patch}-1.x86_64" for patch in (5, 4, 3)]
    expect(page.locator(".cards li").first).to_contain_text("2 releases behind: 18.9.4 given up, 18.9.5 failed")
    expect(page.locator(".verdict").first).to_have_text("1 of 4 targets stuck")
    expect(page.locator(".counts li")).to_have_text(["1 given up", "1 failed", "234 built", "4 failed, no longer needed"])
    page.get_by_text("57 older releases").click()
    assert len(releases(page)) == 60

    page = opened(long)
    page.get_by_role("searchbox").fill("18.0.3")
    assert releases(page) == ["gitlab-runner-18.0.3-1.x86_64"], "what is looked for may be old"
    page.get_by_role("searchbox").fill("")
    assert len(releases(page)) == 3


def test_the_heads_stay_in_sight_and_ids_are_one_word(opened: Open, long: Path) -> None:
    page = opened(long)
    page.get_by_text("57 older releases").click()
    page.locator("tr[data-package='gitlab-runner-18.3.0-1.x86_64']").scroll_into_view_if_needed()
    expect(page.get_by_role("columnheader", name="rocky-9-arm64").last).to_be_in_viewport()
    ids = page.locator("td code")
    assert ids.evaluate_all("all => all.every((id) => id.getClientRects().length === 1)")
    ids.first.click()
    assert page.evaluate("getSelection().toString()") == board.ami("18.9.5al2023")


def test_a_page_is_printed_as_a_report_of_two_pages_at_most(browser: Browser, long: Path, html: Path) -> None:
    for file in (long, html):
        page = browser.new_page()
        page.goto(file.as_uri())
        pdf = page.pdf(format="A4")
        page.close()
        assert len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 2


def test_what_others_wrote_stays_text(opened: Open, ami: Module) -> None:
    tracker = ami.folder / "tracker"
    tracker.mkdir()
    document = board.agent() | {"ref": HOSTILE}
    document["entries"]["amazon-cloudwatch-agent-1.300059.0-1.x86_64"]["al2023"] |= {
        "notes": {HOSTILE: HOSTILE}, "reason": HOSTILE, "pipeline_url": "javascript:alert(1)", "job_url": "https://a.example/\"onclick=x"}
    board.head(tracker, document)

    page = opened(status_page(ami))

    assert page.title() != "taken" and page.locator("img, section script").count() == 0
    shown = HOSTILE.replace("\u202e", "?").replace("\x1b", "?")
    expect(page.locator("section .remark")).to_have_text(shown)
    expect(page.locator("td code").first).to_have_text(shown)
    assert [link.get_attribute("href") for link in page.locator("tr:first-child a").all()] == ["https://a.example/%22onclick=x"]


def test_without_a_tracker_it_says_so(opened: Open, ami: Module) -> None:
    (ami.folder / "tracker").mkdir()
    main = opened(status_page(ami)).get_by_role("main")
    expect(main).to_contain_text("There is no tracker yet: no run has recorded anything.")
    expect(main).to_contain_text("Run the pipeline that includes the component: by its schedule")


def test_a_target_that_is_new_has_no_record_yet(opened: Open, ami: Module) -> None:
    (ami.folder / "tracker").mkdir()
    board.head(ami.folder / "tracker", board.agent() | {"targets": ["al2023", "rhel9"]})

    cells = opened(status_page(ami)).locator("tbody tr").first.get_by_role("cell")

    expect(cells.nth(1)).to_have_text("–not recorded")


# ---------------------------------------------------------------- the filter


def test_the_filter_finds_by_text_and_by_state(opened: Open, html: Path) -> None:
    page = opened(html)
    text, count = page.get_by_role("searchbox"), page.get_by_role("status")
    expect(count).to_have_text("10 releases")

    text.fill(board.ami("18.6.1rhel9"))
    assert releases(page) == ["gitlab-runner-18.6.1-1.x86_64"]
    expect(count).to_have_text("1 of 10 releases")
    expect(page.get_by_text("No release of amazon-cloudwatch-agent on feature/agent is like that.")).to_be_visible()

    text.fill("CloudWatch 1.300059")
    assert releases(page) == ["amazon-cloudwatch-agent-1.300059.0-1.x86_64"]

    text.fill("")
    page.get_by_label("failed").check()
    assert releases(page) == ["gitlab-runner-18.7.0-1.x86_64"]
    page.get_by_label("pending").check()
    assert releases(page) == ["gitlab-runner-18.7.0-1.x86_64", "gitlab-runner-18.6.2-1.x86_64"]
    page.get_by_label("failed").uncheck()
    page.get_by_label("pending").uncheck()
    expect(count).to_have_text("10 releases")
    assert len(releases(page)) == 10


def test_the_filter_leaves_one_target(opened: Open, html: Path) -> None:
    page = opened(html)
    target = page.get_by_role("combobox")
    target.select_option("rhel9")
    expect(page.get_by_role("columnheader")).to_have_text(["Release", "rhel9"])
    assert len(releases(page)) == 8
    page.get_by_label("building").check()
    assert releases(page) == [], "it is building for another target"
    page.get_by_label("building").uncheck()
    page.get_by_label("failed").check()
    assert releases(page) == ["gitlab-runner-18.7.0-1.x86_64"]
    fragment = page.evaluate("location.hash")
    expect(opened(html, fragment).get_by_role("combobox")).to_have_value("rhel9")
    target.select_option("")
    expect(page.get_by_role("columnheader").first).to_have_text("Release")
    assert page.get_by_role("columnheader").count() == 4


def test_a_head_sorts_its_table(opened: Open, html: Path) -> None:
    page = opened(html)
    runner = page.locator("section").first

    def order() -> list[str]:
        return [row.get_attribute("data-package").removeprefix("gitlab-runner-").removesuffix("-1.x86_64") for row in runner.locator("tbody tr").all()]

    newest_first = order()
    by_release = runner.get_by_role("columnheader", name="Release")
    by_release.get_by_role("button").click()
    assert order() == newest_first[::-1]
    expect(by_release).to_have_attribute("aria-sort", "ascending")
    by_rocky = runner.get_by_role("columnheader", name="rocky9")
    by_rocky.get_by_role("button").press("Enter")
    assert order()[:3] == ["18.7.0", "18.6.2", "18.6.1"]
    expect(by_rocky).to_have_attribute("aria-sort", "descending")
    assert by_release.get_attribute("aria-sort") is None


def test_what_is_filtered_can_be_sent_to_somebody(opened: Open, html: Path) -> None:
    page = opened(html)
    page.get_by_role("searchbox").fill("18.6 rhel9")
    page.get_by_label("pending").check()
    fragment = page.evaluate("location.hash")

    page = opened(html, fragment)

    assert releases(page) == ["gitlab-runner-18.6.2-1.x86_64"]
    expect(page.get_by_role("searchbox")).to_have_value("18.6 rhel9")
    expect(page.get_by_label("pending")).to_be_checked()


def test_the_count_is_told_to_those_who_do_not_see_it(opened: Open, html: Path) -> None:
    expect(opened(html).get_by_role("status")).to_have_attribute("aria-live", "polite")


def test_everything_can_be_reached_and_seen_by_keyboard(opened: Open, html: Path) -> None:
    page = opened(html)
    page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("18.7")
    page.keyboard.press("Tab")
    expect(page.get_by_role("combobox")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("failed")).to_be_focused()
    outline = "getComputedStyle(document.activeElement.nextElementSibling ?? document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("Space")
    assert releases(page) == ["gitlab-runner-18.7.0-1.x86_64"]
    reached = set()
    for _ in range(16):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.textContent"))
    assert {"pipeline 4958", "pipeline 4961"} <= reached


def test_without_javascript_all_is_there_but_the_filter(opened: Open, html: Path) -> None:
    page = opened(html, java_script_enabled=False)

    assert len(releases(page)) == 10
    expect(page.locator("form")).to_be_hidden()


def test_a_page_that_is_read_late_says_how_old_it_is(browser: Browser, html: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.clock.install(time="2026-11-27T09:00:00Z")
    page.goto(html.as_uri())
    expect(page.locator(".as-of")).to_have_text("as of 2026-11-24 07:30 UTC, 3 days ago")
    context.close()


# ---------------------------------------------------------------- whatever it is looked at with


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1180, 375])
def test_axe_finds_nothing_to_object_to(browser: Browser, html: Path, scheme: str, width: int) -> None:
    # axe is put into the page, which the page's own policy would not let in.
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(html.as_uri())
    page.get_by_label("failed").check()
    page.get_by_label("built").check()
    page.evaluate(AXE.read_text())
    result = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})")
    context.close()
    told = [(rule["id"], rule["help"], [node["html"][:200] for node in rule["nodes"]]) for rule in result["violations"]]
    assert told == [], json.dumps(told, indent=2)
    assert "color-contrast" in {rule["id"] for rule in result["passes"]}


@pytest.mark.parametrize("width", [320, 375, 768, 1180, 1920])
def test_the_page_is_never_wider_than_its_screen(opened: Open, html: Path, width: int) -> None:
    assert overflow(opened(html, viewport={"width": width, "height": 700})) <= 0


def test_many_targets_scroll_within_their_table(opened: Open, ami: Module) -> None:
    (ami.folder / "tracker").mkdir()
    document = board.agent()
    for targets in document["entries"].values():
        targets.update({f"a-target-with-a-long-name-{number}": targets["al2023"] for number in range(12)})
    board.head(ami.folder / "tracker", document)
    file = status_page(ami)

    assert overflow(opened(file)) <= 0
    assert overflow(opened(file, viewport={"width": 360, "height": 700})) <= 0


def test_on_a_phone_each_image_names_its_target(opened: Open, html: Path) -> None:
    page = opened(html, viewport={"width": 375, "height": 700})
    label = page.locator("section").first.locator("tbody td").nth(1).evaluate("cell => getComputedStyle(cell, '::before').content")
    assert label == '"rhel9"'


def test_the_dark_page_is_dark_and_the_printed_one_is_not(opened: Open, html: Path) -> None:
    def ground(page: Page) -> int:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))

    dark = opened(html, color_scheme="dark")
    assert ground(dark) < 100
    assert ground(opened(html)) > 700
    dark.emulate_media(media="print")
    assert ground(dark) == 3 * 255
    expect(dark.locator("form")).to_be_hidden()
    exact = dark.locator("td time").first.evaluate("time => getComputedStyle(time, '::after').content")
    assert "UTC" in exact or exact == "attr(title)"


def test_a_tracker_of_ten_thousand_images_is_filtered_without_a_wait(opened: Open, ami: Module) -> None:
    (ami.folder / "tracker").mkdir()
    document = board.runner()
    row = document["entries"]["gitlab-runner-18.5.0-1.x86_64"]
    document["entries"] = {f"gitlab-runner-18.{minor}.{patch}-1.x86_64": row for minor in range(100) for patch in range(33)}
    board.head(ami.folder / "tracker", document)
    page = opened(status_page(ami))
    elapsed = page.evaluate("""() => {
      const text = document.getElementById("text");
      text.value = "18.42.";
      const begun = Date.now();
      text.dispatchEvent(new Event("input", {bubbles: true}));
      return Date.now() - begun;
    }""")
    expect(page.get_by_role("status")).to_have_text("33 of 3300 releases")
    assert elapsed < 2000
