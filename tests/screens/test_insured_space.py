"""The insured person's space on running processes: sign-in, own data only, one size for yes and no, nothing kept."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pypdf
import pytest
import zxingcpp
from PIL import Image
from playwright.async_api import Browser, Page, expect

from paravent.drill.platform import free_ports
from paravent.drill.population import SyntheticPerson
from tests.browser import LANGUAGES, WIDTHS, axe, fits, visit
from tests.screens.insured import AMC, Scene, Visitor, signers, until
from tests.system.customers import particulars

MARK = "Quentin-Zébulon de Marquenoire"
LETTER = {
    "civility": "Monsieur", "birth_name": "Marquenoire", "first_names": MARK, "birth_date": "31/12/1960",
    "birth_place": "Essai (99)", "nationality": "française", "address": "3 quai du Repère\n99000 Essai",
    "informed_on": "01/11/2026", "informed_how": "courrier", "exposed": "mon nom", "noticed": "néant",
    "place": "Essai", "signed_on": "02/11/2026",
}  # fmt: skip


async def sign_in(page: Page, space: Scene, person: SyntheticPerson) -> None:
    """Signs in: the browser leaves by the link of the home page and comes back by the address of the provider's answer.

    The provider's own form, which loads a style from elsewhere, is filled in without being shown.
    """
    await page.goto(space.address)
    leaving = await page.locator("a.button").get_attribute("href")
    form = await page.request.get(f"{space.address}{leaving}")
    answer = await page.request.post(form.url, form={"sub": space.subject(person)}, max_redirects=0)
    await page.goto(answer.headers["location"])


# --- signing in ------------------------------------------------------------------------------------


def test_who_has_not_signed_in_sees_the_way_in_and_nothing_else(space: Scene) -> None:
    visitor = space.visitor()
    case = f"/incidents/{space.case}"
    for path in ("/journal", "/claims", "/number-lane", "/card", "/card/code.svg", "/card/paper.pdf", "/own-data.json",
                 "/journal.csv", "/incidents", case, f"{case}/letter"):  # fmt: skip
        answer = visitor.get(path)
        assert (answer.status, answer.url) == (200, space.address + "/"), path
        assert "/sign-in" in answer.text
    assert visitor.post("/number-lane", wanted="off", csrf="").status == 403
    assert visitor.post(f"/incidents/{space.case}/letter", **LETTER).status == 403


def test_a_member_signs_in_and_the_cookie_is_out_of_reach(space: Scene) -> None:
    visitor = space.inside(space.concerned)
    cookie = visitor.cookie("insured")
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite").lower() == "lax"
    assert visitor.get("/").headers["cache-control"] == "no-store"
    answer = visitor.post("/sign-out", csrf=visitor.get("/").csrf())
    assert "/sign-in" in answer.text
    assert visitor.get("/journal").url == space.address + "/"


def test_a_new_sign_in_ends_the_visit_that_was_left_open(space: Scene) -> None:
    left, other = space.inside(space.concerned), space.inside(space.spared)
    assert left.get("/journal").url == space.address + "/journal"
    again = space.inside(space.concerned)
    assert left.get("/journal").url == space.address + "/"
    for visitor in (again, other):
        assert visitor.get("/journal").url == space.address + "/journal"


@pytest.mark.parametrize(
    "claims",
    [{"birthplace": "01001"}, {"gender": "other sex"}, {"family_name": "INCONNU"}, {"birthdate": "1950-01-02"}],
    ids=lambda claims: next(iter(claims)),
)
def test_who_is_not_a_member_for_certain_learns_nothing(space: Scene, claims: dict[str, str]) -> None:
    person = space.spared
    if claims.get("gender"):
        claims = {"gender": "female" if person.coverages[0].nir[0] == "1" else "male"}
    visitor = space.visitor()
    answer = visitor.sign_in(space.subject(person, **claims))
    assert answer.status == 403
    assert person.member_id not in answer.text
    assert not any("insured" in cookie.name for cookie in visitor.jar)
    assert visitor.get("/journal").url == space.address + "/"


def test_every_stranger_gets_the_same_page(space: Scene) -> None:
    """A homonym of a member, born elsewhere, is told what anybody is told."""
    pages = {
        space.visitor().sign_in(space.subject(space.spared, **claims)).body
        for claims in ({"birthplace": "01001"}, {"family_name": "INCONNU", "given_name": "PERSONNE"})
    }
    assert len(pages) == 1


def test_the_request_to_the_provider_has_state_nonce_and_challenge(space: Scene) -> None:
    asked = [parse_qs(urlsplit(space.visitor().get("/sign-in").url).query) for _ in range(2)]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
        assert len(asked[0][name][0]) == 43
    assert asked[0]["code_challenge_method"] == ["S256"]


def test_an_answer_is_taken_once_in_the_browser_that_asked_with_its_state(space: Scene) -> None:
    subject = space.subject(space.concerned)
    victim, thief = space.visitor(), space.visitor()
    asked = victim.get("/sign-in")
    state = parse_qs(urlsplit(asked.url).query)["state"][0]
    # Without the cookie of who asked; then with it and another state; then again, its one use spent.
    assert thief.get(f"/sign-in/return?code=x&state={state}").status == 403
    assert victim.get("/sign-in/return?code=x&state=other").status == 403
    assert victim.get(f"/sign-in/return?code=x&state={state}").status == 403
    # A code of the provider that was asked for in another sign-in: its challenge and nonce are not this one's.
    done = thief.sign_in(subject)
    assert done.status == 200
    again = victim.get("/sign-in")
    state = parse_qs(urlsplit(again.url).query)["state"][0]
    assert victim.get(f"/sign-in/return?code=stolen&state={state}").status in {403, 502, 503}
    assert not any("insured" in cookie.name for cookie in victim.jar)


# --- own data --------------------------------------------------------------------------------------


def test_the_journal_says_which_shop_when_and_why(space: Scene) -> None:
    page = space.inside(space.concerned).get("/journal").text
    shop = str(580000000 + space.platform.ports["desk"])
    assert shop in page
    assert "Prise en charge accordée" in page
    assert "Lunettes payées" in page
    assert "vous montrez votre carte" in page
    assert "Personne n'a cherché" in space.inside(space.spared).get("/journal").text.replace("&#39;", "'")


async def test_the_journal_and_the_letter_are_on_paper_what_they_say_and_nothing_to_press(
    page: Page, space: Scene
) -> None:
    await sign_in(page, space, space.concerned)
    await page.emulate_media(media="print")
    await page.goto(f"{space.address}/journal")
    await expect(page.locator("main")).to_contain_text("Prise en charge accordée")
    for pressed in ("nav", "button", "footer", "a.skip", "a[href='/journal.csv']"):
        await expect(page.locator(pressed).first).to_be_hidden()
    await page.goto(f"{space.address}/incidents/{space.case}/letter")
    await page.fill("#first_names", MARK)
    await expect(page.locator("#first_names")).to_be_visible()
    await expect(page.locator("main button")).to_be_hidden()
    colours = await page.evaluate("[document.body, document.querySelector('#first_names')].map("
                                  "(one) => getComputedStyle(one).backgroundColor)")  # fmt: skip
    assert colours == ["rgb(255, 255, 255)", "rgb(255, 255, 255)"]


def test_claims_are_told_in_words_and_euros(space: Scene) -> None:
    page = space.inside(space.concerned).get("/claims").text
    assert "Lunettes payées" in page
    assert "€" in page
    assert "Aucun opticien" in space.inside(space.spared).get("/claims").text


def test_a_member_never_reads_what_is_another_s(space: Scene) -> None:
    one, other = space.inside(space.concerned), space.inside(space.spared)
    own = json.loads(one.get("/own-data.json").body)
    assert (own["member"], len(own["checks_by_number"])) == (space.concerned.member_id, 1)
    mine = json.loads(other.get(f"/own-data.json?member={space.concerned.member_id}").body)
    assert (mine["member"], mine["checks_by_number"], mine["decisions"]) == (space.spared.member_id, [], [])
    shop = str(580000000 + space.platform.ports["desk"])
    assert shop in one.get("/journal").text
    assert shop not in other.get(f"/journal?member={space.concerned.member_id}").text
    for path in (f"/card/{space.concerned.member_id}.pdf", f"/journal/{space.concerned.member_id}", "/v1/claims"):
        assert other.get(path).status == 404, path
    # A form made with the token of one visit is refused in another, and from another site.
    token = one.get("/number-lane").csrf()
    assert other.post("/number-lane", wanted="off", csrf=token).status == 403
    assert other.post("/number-lane", "https://elsewhere.example", wanted="off",
                      csrf=other.get("/number-lane").csrf()).status == 403  # fmt: skip
    assert json.loads(other.get("/own-data.json").body)["number_lane_wanted"] is True


# --- was I affected --------------------------------------------------------------------------------


def test_yes_and_no_have_one_size(space: Scene) -> None:
    yes, no = (space.inside(one).get(f"/incidents/{space.case}") for one in (space.concerned, space.spared))
    assert "Oui, vous êtes concerné" in yes.text
    assert "Rien ne montre que vous soyez concerné" in no.text
    assert (yes.status, len(yes.body), yes.size) == (no.status, len(no.body), no.size)
    assert [name for name, _ in yes.headers.items()] == [name for name, _ in no.headers.items()]
    assert "no-transform" in yes.headers["cache-control"]
    # Without the filling they differ: the equality above is not an accident.
    assert len(yes.body.rstrip()) != len(no.body.rstrip())


def test_the_list_of_incidents_says_nothing_of_who_reads_it(space: Scene) -> None:
    pages = [space.inside(one).get("/incidents") for one in (space.concerned, space.spared)]
    first, second = (page.text.replace(page.csrf(), "") for page in pages)
    assert first == second


# --- the letter ------------------------------------------------------------------------------------


def test_the_letter_is_made_and_nothing_of_it_is_kept(space: Scene) -> None:
    visitor = space.inside(space.spared)
    csrf = visitor.get(f"/incidents/{space.case}/letter").csrf()
    answer = visitor.post(f"/incidents/{space.case}/letter", csrf=csrf, **LETTER)
    assert answer.headers["content-type"] == "application/pdf"
    text = " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(answer.body)).pages).split())
    for said in (MARK, "Direction de la police judiciaire", "Affaire 2026/001", "323-1", "Mutuelle Horizon", "néant"):
        assert said in text, said
    assert "{{" not in text
    traces = []
    for mark in (MARK.encode(), b"Quentin", b"quai du Rep"):
        traces += [str(file) for file in space.platform.home.rglob("*") if file.is_file() and mark in file.read_bytes()]
    assert traces == []
    assert list(space.temporary.rglob("*")) == []


def test_a_letter_that_lacks_something_comes_back_as_it_was_typed(space: Scene) -> None:
    visitor = space.inside(space.spared)
    csrf = visitor.get(f"/incidents/{space.case}/letter").csrf()
    number = particulars(space.spared)["nir"]
    typed = LETTER | {"place": "", "noticed": f"on a utilisé mon numéro {number}"}
    answer = visitor.post(f"/incidents/{space.case}/letter", csrf=csrf, **typed)
    assert answer.status == 422
    assert MARK in answer.text
    assert 'id="place-error"' in answer.text
    assert 'id="noticed-error"' in answer.text
    assert 'id="exposed-error"' not in answer.text


# --- card, number lane -----------------------------------------------------------------------------


def test_the_space_shows_the_card_in_use(space: Scene) -> None:
    person = signers(space.population)[5]
    visitor = space.inside(person)
    assert "pas de carte en service" in visitor.get("/card").text
    assert visitor.get("/card/paper.pdf").status == 404
    space.insurer("card", person.member_id, "--out", space.platform.home / "own.png")
    page = visitor.get("/card").text
    assert person.member_id in page
    for shape in ("paper", "telephone"):
        answer = visitor.get(f"/card/{shape}.pdf")
        assert answer.body.startswith(b"%PDF"), shape
    assert b"<svg" in visitor.get("/card/code.svg").body


def test_a_member_blocks_the_card_and_desks_refuse_it(space: Scene) -> None:
    person = signers(space.population)[9]
    visitor = space.inside(person)
    space.insurer("card", person.member_id, "--out", space.platform.home / "blocked.png")
    card = {"card": (space.platform.home / "blocked.txt").read_text(), "name": person.name,
            "birth_date": person.birth_date}  # fmt: skip
    assert space.platform.desk("/v1/checks/card", card)[0] == 200
    csrf = visitor.get("/card").csrf()
    unsure = visitor.post("/card", csrf=csrf)
    assert (unsure.status, 'id="sure-error"' in unsure.text) == (422, True)
    assert space.platform.desk("/v1/checks/card", card)[0] == 200
    assert "pas de carte en service" in visitor.post("/card", csrf=csrf, sure="yes").text

    def refused() -> bool:
        assert space.platform.desk("/v1/refreshes", {})[0] == 200
        status, answer = space.platform.desk("/v1/checks/card", card)
        return status != 200 and str(answer["type"]).endswith(":entitlement-revoked")

    # The insurer's service publishes the status list by itself; the number lane goes on.
    until(refused)
    assert space.platform.desk("/v1/checks/number", particulars(person))[0] == 200


def test_the_number_lane_is_switched_off_and_on_at_the_next_publication(space: Scene) -> None:
    person = signers(space.population)[6]
    visitor = space.inside(person)

    def check() -> str:
        status, answer = space.platform.desk("/v1/checks/number", particulars(person))
        return "covered" if status == 200 else str(answer["type"]).rpartition(":")[2]

    def choose(wanted: str) -> str:
        csrf = visitor.get("/number-lane").csrf()
        return visitor.post("/number-lane", wanted=wanted, csrf=csrf).text

    space.insurer("card", person.member_id, "--out", space.platform.home / "off.png")
    card = {"card": (space.platform.home / "off.txt").read_text(), "name": person.name,
            "birth_date": person.birth_date}  # fmt: skip
    assert "Interdit, pas encore en place" in choose("off")
    assert check() == "covered"
    done = space.publish()
    assert (done["added"], done["ended"], done["revoked"]) == (0, 0, 0)
    assert check() == "not-covered"
    assert space.platform.desk("/v1/checks/card", card)[0] == 200
    assert "Montrez votre carte\N{NO-BREAK SPACE}: elle fonctionne" in visitor.get("/number-lane").text
    # It stays off when everybody is sealed anew, and nobody else is touched.
    space.platform.rotate(AMC)
    assert space.platform.desk("/v1/refreshes", {})[0] == 200
    assert check() == "not-covered"
    other = particulars(signers(space.population)[7])
    assert space.platform.desk("/v1/checks/number", other)[0] == 200
    assert "Permis, pas encore en place" in choose("on")
    space.publish()
    assert check() == "covered"


# --- alone -----------------------------------------------------------------------------------------


def test_the_space_runs_alone_without_any_other_key(space: Scene, tmp_path: Path) -> None:
    home, port = tmp_path / "alone", free_ports(1)[0]
    shutil.copytree(space.platform.home / f"insurer-{AMC}", home, ignore=shutil.ignore_patterns("*-shm"))
    for secret in (home / "secrets").iterdir():
        if secret.name not in {"pivot.key", "space-client.secret"}:
            secret.unlink()
    config = home / "config.toml"
    config.write_text(config.read_text().replace(space.address.rpartition(":")[2], str(port)))
    alone = Visitor(address=f"http://127.0.0.1:{port}", issuer=space.platform.issuer)
    process = subprocess.Popen(
        [sys.executable, "-m", "paravent", "insurer", "serve", "--only", "space", "--home", str(home)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:

        def answers() -> bool:
            try:
                return alone.get("/").status == 200
            except OSError:
                return False

        until(answers)
        assert alone.get("/sign-in").url.startswith(space.platform.issuer)
        # What needs a key of the insurer is not there.
        assert alone.get("/v1/claims").status == 404
    finally:
        process.terminate()
        process.wait(20)


# --- in a browser ----------------------------------------------------------------------------------


async def test_a_member_reads_the_journal_and_asks_of_an_incident(
    page: Page, space: Scene, picture: Callable[[Page, str], Awaitable[Path]]
) -> None:
    await sign_in(page, space, space.concerned)
    await picture(page, "insured-home")
    await page.get_by_role("link", name="Qui a vérifié mes droits").first.click()
    await expect(page.locator("main")).to_contain_text("Lunettes payées")
    await expect(page.locator("main")).to_contain_text("aucune trace n'existe")
    await picture(page, "insured-journal")
    await page.get_by_role("link", name="Suis-je concerné ?").click()
    await page.get_by_role("link", name="Un fichier est sorti").click()
    await expect(page.locator(".state")).to_contain_text("Oui, vous êtes concerné")
    await picture(page, "insured-incident")
    await page.get_by_role("link", name="Mes lunettes, mes factures").click()
    await expect(page.locator("table")).to_contain_text("Lunettes payées")
    await page.get_by_role("button", name="Se déconnecter").click()
    await expect(page.get_by_role("link", name="Se connecter avec FranceConnect")).to_be_visible()


async def test_a_member_fills_the_letter_in_and_downloads_it(
    page: Page, space: Scene, picture: Callable[[Page, str], Awaitable[Path]]
) -> None:
    await sign_in(page, space, space.spared)
    await page.goto(f"{space.address}/incidents/{space.case}")
    await expect(page.locator(".state")).to_contain_text("Rien ne montre que vous soyez concerné")
    await page.get_by_role("link", name="Préparer une lettre").click()
    # What the sign-in said is filled in already; what is missing is said field by field, and nothing typed is lost.
    assert await page.get_by_label("Nom de naissance").input_value() == space.spared.name.rpartition(" ")[0]
    await page.get_by_label("Lieu de naissance").fill("Essai (99)")
    await page.get_by_role("button", name="Télécharger la lettre").click()
    await expect(page.get_by_role("alert")).to_contain_text("2 champs à corriger")
    await axe(page)
    await picture(page, "insured-letter")
    assert await page.get_by_label("Lieu de naissance").input_value() == "Essai (99)"
    await page.get_by_label("Adresse").fill("3 quai de l'Essai")
    await page.get_by_label("Fait à").fill("Essai")
    async with page.expect_download() as started:
        await page.get_by_role("button", name="Télécharger la lettre").click()
    file = await (await started.value).path()
    assert space.spared.name.rpartition(" ")[2] in pypdf.PdfReader(file).pages[0].extract_text()


async def test_a_member_shows_the_card_and_forbids_the_number(
    page: Page, space: Scene, picture: Callable[[Page, str], Awaitable[Path]]
) -> None:
    person = signers(space.population)[8]
    space.insurer("card", person.member_id, "--out", space.platform.home / "shown.png")
    await sign_in(page, space, person)
    await page.get_by_role("link", name="Ma carte").first.click()
    await picture(page, "insured-card")
    # The desk reads the code from the screen, and accepts it.
    seen = zxingcpp.read_barcode(Image.open(io.BytesIO(await page.locator("img.code").screenshot())))
    assert seen is not None
    card = {"card": seen.text, "name": person.name, "birth_date": person.birth_date}
    assert space.platform.desk("/v1/checks/card", card)[0] == 200
    async with page.expect_download() as started:
        await page.get_by_role("link", name="Pour mon téléphone").click()
    assert (await (await started.value).path()).read_bytes().startswith(b"%PDF")
    await page.get_by_role("link", name="Mon numéro chez l'opticien").click()
    await page.get_by_role("button", name="Interdire la recherche").click()
    await expect(page.get_by_role("status")).to_contain_text("Interdit, pas encore en place")
    await picture(page, "insured-number-lane")
    await page.get_by_role("button", name="Permettre la recherche").click()
    await expect(page.get_by_role("status")).to_contain_text("Permis")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_page_for_who_is_not_recognised_is_sound(chromium: Browser, space: Scene, language: str) -> None:
    stranger = replace(space.spared, member_id="stranger", name="INCONNU Jean")
    async with visit(chromium, language, WIDTHS[1]) as page:
        await sign_in(page, space, stranger)
        await axe(page)
        await fits(page)
        assert await page.locator("html").get_attribute("lang") == language
        assert "/sign-in/return" in page.url
