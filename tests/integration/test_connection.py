# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reaching Proxmox and being let in: one sentence each that says what to set."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
import requests

from ansible_collections.lifeboat.backup.plugins.modules import proxmox_backup_info
from harness.lab import Lab, lab
from harness.modules import environment, run_module
from pve_simulator import World


def ask(options: dict[str, object], **variables: str) -> dict[str, object]:
    """Run proxmox_backup_info with this environment."""
    with environment(**variables):
        return run_module(proxmox_backup_info, options)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_nothing_is_set() -> None:
    assert ask({})["msg"] == "api_host is not set: give the host name of a Proxmox VE node, or set PROXMOX_HOST."


def test_no_credentials(cluster: Lab) -> None:
    options = {"api_host": cluster.sim.host, "api_port": cluster.sim.port}
    assert str(ask(options)["msg"]).startswith(
        "No credentials: set api_token_id and api_token_secret (PROXMOX_TOKEN_ID"
    )


def test_a_refused_connection() -> None:
    port = free_port()
    result = ask(
        {
            "api_host": "127.0.0.1",
            "api_port": port,
            "api_token_id": "backup@pve!some",
            "api_token_secret": "some-secret",
        }
    )
    assert result["msg"] == (
        f"127.0.0.1:{port} refuses the connection: check api_host and api_port (PROXMOX_HOST, PROXMOX_PORT), and that "
        "pveproxy runs there."
    )


def test_a_name_that_does_not_resolve() -> None:
    result = ask(
        {"api_host": "no-such-host.invalid", "api_token_id": "backup@pve!some", "api_token_secret": "some-secret"}
    )
    assert result["msg"] == (
        "The host name of no-such-host.invalid:8006 cannot be resolved: check api_host (PROXMOX_HOST) and the "
        "DNS of the "
        "machine that runs this task."
    )


def test_a_certificate_nobody_trusts(cluster: Lab) -> None:
    result = ask({key: value for key, value in cluster.connection.items() if key != "ca_path"})
    assert result["msg"] == (
        f"The certificate of 127.0.0.1:{cluster.sim.port} is not trusted: set ca_path (PROXMOX_CA_PATH) to a "
        f"copy of the "
        "cluster's /etc/pve/pve-root-ca.pem, or validate_certs to false if you accept anybody in between."
    )


def test_a_certificate_for_another_name(cluster: Lab) -> None:
    result = ask({**cluster.connection, "api_host": "127.1"})
    assert "was made for another name" in str(result["msg"])


@pytest.mark.core_matrix
def test_a_clusters_own_certificates_are_accepted_with_its_authority(world: World) -> None:
    """They lack what strict checking asks for; Python 3.13 and later check strictly unless told otherwise."""
    with lab(world, formal_certificate=False) as cluster:
        password = {"api_user": "backup@pve", "api_password": "a-password"}
        address = {key: cluster.connection[key] for key in ("api_host", "api_port", "ca_path")}
        if sys.version_info >= (3, 13):
            with pytest.raises(requests.exceptions.SSLError):
                requests.get(f"https://{cluster.sim.host}:{cluster.sim.port}/", verify=address["ca_path"], timeout=5)
        assert not ask(cluster.connection).get("failed")
        assert not ask({**address, **password}).get("failed")
        untrusted = {key: value for key, value in cluster.connection.items() if key != "ca_path"}
        assert "is not trusted" in str(ask(untrusted)["msg"])


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_an_unchecked_certificate_must_be_asked_for(cluster: Lab) -> None:
    options = {key: value for key, value in cluster.connection.items() if key != "ca_path"}
    assert not ask({**options, "validate_certs": False}).get("failed")
    assert not ask(options, PROXMOX_VALIDATE_CERTS="false").get("failed")


def test_a_missing_ca_file(tmp_path: Path) -> None:
    result = ask(
        {
            "api_host": "h",
            "api_token_id": "backup@pve!some",
            "api_token_secret": "some-secret",
            "ca_path": str(tmp_path / "none.pem"),
        }
    )
    assert str(result["msg"]).startswith(f"ca_path (PROXMOX_CA_PATH): there is no '{tmp_path}/none.pem'")


def test_a_port_that_speaks_something_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        port = server.getsockname()[1]
        import threading  # noqa: PLC0415

        def talk() -> None:
            for _connection in range(5):
                try:
                    connection, _address = server.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        result = ask(
            {
                "api_host": "127.0.0.1",
                "api_port": port,
                "api_token_id": "backup@pve!some",
                "api_token_secret": "some-secret",
            }
        )
    assert str(result["msg"]).startswith(f"No TLS connection to 127.0.0.1:{port} (")


@pytest.mark.parametrize("secret", ["00000000-0000-0000-0000-000000000000"])
def test_a_wrong_token(cluster: Lab, secret: str) -> None:
    result = ask({**cluster.connection, "api_token_secret": secret})
    assert result["msg"] == (
        "Proxmox does not accept the credentials (Authentication failed!): check api_token_id (user@realm!token) and "
        "api_token_secret, or api_user and api_password, and that the token has not expired and its user is enabled."
    )
    assert result["api_error"]["status"] == 401  # type: ignore[index]


def test_a_wrong_password(cluster: Lab) -> None:
    options = {key: value for key, value in cluster.connection.items() if not key.startswith("api_token")}
    result = ask({**options, "api_user": "backup@pve", "api_password": "wrong-password"})
    assert str(result["msg"]).startswith("Proxmox does not accept the credentials (authentication failure)")
    assert "wrong-password" not in str(result)


def test_a_password_works_and_its_ticket_is_renewed(cluster: Lab) -> None:
    options = {key: value for key, value in cluster.connection.items() if not key.startswith("api_token")}
    cluster.connection.clear()
    cluster.connection.update({**options, "api_user": "backup@pve", "api_password": "a-password"})
    cluster.sim.faults.guest_pace(101, 1.0)
    cluster.sim.faults.before("POST", "/vzdump$", cluster.sim.faults.expire_tickets)
    result = cluster.backup(vmids=[101])
    assert result["guests"][0]["result"] == "backed_up"
    assert len(cluster.sent("POST", "/access/ticket")) >= 2
    assert result["api_requests"] == len(cluster.sim.requests)


def test_the_environment_is_enough_and_an_option_beats_it(cluster: Lab) -> None:
    variables = {
        "PROXMOX_HOST": cluster.sim.host,
        "PROXMOX_PORT": str(cluster.sim.port),
        "PROXMOX_CA_PATH": str(cluster.sim.ca_path),
        "PROXMOX_TOKEN_ID": "lifeboat",
        "PROXMOX_USER": "backup@pve",
        "PROXMOX_TOKEN_SECRET": str(cluster.connection["api_token_secret"]),
        "PROXMOX_PASSWORD": "not the password",
        "PROXMOX_API_TIMEOUT": "20",
    }
    assert not ask({}, **variables).get("failed"), "a token beats a password"
    result = ask({"api_token_secret": "11111111-1111-1111-1111-111111111111"}, **variables)
    assert str(result["msg"]).startswith("Proxmox does not accept the credentials")
    result = ask({"api_password": "a-password"}, **variables)
    assert not result.get("failed"), "an option beats the environment, also across kinds"
    assert len(cluster.sent("POST", "/access/ticket")) == 1


def test_an_empty_variable_is_not_set(cluster: Lab) -> None:
    """AWX injects a field that was left empty as an empty variable."""
    empty = {
        f"PROXMOX_{name}": ""
        for name in ("HOST", "PORT", "USER", "PASSWORD", "TOKEN_ID", "TOKEN_SECRET", "VALIDATE_CERTS", "CA_PATH")
    }
    assert not ask(cluster.connection, **empty, PROXMOX_API_TIMEOUT="", PROXMOX_FALLBACK_HOSTS="").get("failed")


@pytest.mark.parametrize(
    "wrong",
    [
        {"api_token_id": "backup@pve!lifeboat=11111111-aaaa-bbbb-cccc-222222222222"},
        {"api_token_id": "PVEAPIToken=backup@pve!lifeboat=11111111-aaaa-bbbb-cccc-222222222222"},
        {"api_user": "root@pam:11111111-aaaa-bbbb-cccc-222222222222", "api_token_id": "lifeboat"},
        {"api_host": "https://root:11111111-aaaa-bbbb-cccc-222222222222@pve1"},
    ],
    ids=str,
)
def test_a_secret_in_the_wrong_place_is_not_repeated(cluster: Lab, wrong: dict[str, object]) -> None:
    result = ask({**cluster.connection, **wrong})
    assert result["failed"] is True
    assert "222222222222" not in str(result)


def test_many_threads_and_a_ticket_that_is_refused_once(cluster: Lab) -> None:
    options = {key: value for key, value in cluster.connection.items() if not key.startswith("api_token")}
    cluster.connection.clear()
    cluster.connection.update({**options, "api_user": "backup@pve", "api_password": "a-password"})
    for vmid in (101, 104, 105):
        cluster.sim.faults.guest_pace(vmid, 0.4)
    cluster.sim.faults.before("GET", "/tasks/UPID", cluster.sim.faults.expire_tickets)
    result = cluster.backup(vmids=[101, 104, 105])
    assert {row["result"] for row in result["guests"]} == {"backed_up"}


def test_other_hosts_are_tried(cluster: Lab) -> None:
    options = {**cluster.connection, "api_host": "no-such-host.invalid", "api_fallback_hosts": ["127.0.0.1"]}
    assert not ask(options).get("failed")
    assert not ask(
        {**cluster.connection, "api_host": "no-such-host.invalid"},
        PROXMOX_FALLBACK_HOSTS="also-none.invalid, 127.0.0.1",
    ).get("failed")


def test_all_hosts_are_named_when_none_answers() -> None:
    result = ask(
        {
            "api_host": "no-such-host.invalid",
            "api_fallback_hosts": ["127.0.0.1"],
            "api_port": free_port(),
            "api_token_id": "backup@pve!some",
            "api_token_secret": "some-secret",
        }
    )
    assert "no-such-host.invalid" in str(result["msg"])
    assert "127.0.0.1" in str(result["msg"])


def test_an_answer_that_is_not_proxmox(cluster: Lab) -> None:
    cluster.sim.faults.body("GET", r"/cluster/resources", b"<html>hello</html>")
    result = ask(cluster.connection)
    assert result["msg"] == (
        f"127.0.0.1:{cluster.sim.port} answered GET cluster/resources with something that is not Proxmox VE's: check "
        "api_host and api_port."
    )


def test_an_error_carries_what_proxmox_said(cluster: Lab) -> None:
    cluster.sim.faults.http("GET", r"/cluster/resources", 500, "first line", message="first line\nsecond line\n")
    result = ask(cluster.connection)
    assert result["msg"] == "Proxmox answered 500 to GET /cluster/resources: first line second line."
    assert result["api_error"] == {
        "method": "GET",
        "path": "/cluster/resources",
        "status": 500,
        "reason": "first line",
        "message": "first line\nsecond line",
        "errors": {},
    }
