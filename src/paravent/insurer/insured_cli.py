"""``paravent insurer space``, ``number-lane``: the insured person's space, and one who calls (docs/operating.md)."""

from __future__ import annotations

from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.insurer import config
from paravent.insurer.config import SpaceConfig
from paravent.insurer.space_config import RETURN_PATH, configure, require_usable
from paravent.insurer.store import Store

_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)


def add_insured_verbs(group: click.Group) -> None:
    """Adds the verbs about insured persons to an insurer's group."""

    @verb(group, "Set the insured person's space: its address, and the OpenID provider that signs people in.")
    @click.option("--port", type=int, required=True, help="Loopback port; a reverse proxy with TLS stands before it.")
    @click.option("--base-url", required=True, help="Address that browsers use, without a final slash.")
    @click.option("--issuer", required=True, help="Address of the provider, as in its ID tokens.")
    @click.option("--client-id", required=True)
    @click.option("--client-secret-file", type=_EXISTING, required=True)
    @click.option("--profile", default="franceconnect", show_default=True)
    @click.option("--dpo", default="", help="How to write to the data-protection officer, as pages show it.")
    @dry_run_option
    def space(
        home: Path, port: int, base_url: str, issuer: str, client_id: str, client_secret_file: Path, profile: str,
        dpo: str, dry_run: bool,
    ) -> Said:  # fmt: skip
        """Sets the space."""
        chosen = SpaceConfig(
            port=port, base_url=base_url, issuer=issuer, client_id=client_id, profile=profile, dpo=dpo
        )  # fmt: skip
        if dry_run:
            require_usable(chosen)
        else:
            configure(home, config.load(home), chosen, client_secret_file.read_bytes().strip())
        text = f"space of {base_url}; register {base_url}{RETURN_PATH} at the provider as where it sends people back"
        return Said(text=text, values={"redirect_uri": base_url + RETURN_PATH, "set": not dry_run})

    @verb(group, "Switch the number lane of a member on or off, as they ask; the next publication follows it.")
    @click.argument("member_id")
    @click.argument("choice", type=click.Choice(["on", "off"]))
    @dry_run_option
    def number_lane(home: Path, member_id: str, choice: str, dry_run: bool) -> Said:
        """Switches."""
        with Store(home) as store:
            store.register.require_member(member_id)
            if not dry_run:
                with store.commit():
                    store.insured.choose_number_lane(member_id, cli.now(), on=choice == "on")
            found = store.insured.number_lane(member_id)
        published = "published" if found.live else "not published"
        text = f"number lane of {member_id}: {'on' if found.wanted else 'off'} as chosen, {published} today"
        return Said(text=text, values={"wanted": found.wanted, "live": found.live})
