# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pipelines of docs/gitops, command by command, from the first look to the job that somebody changed by hand."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import yaml

from harness.lab import build_world
from harness.playbooks import CHECKOUT, Run, variables
from harness.rights_page import ROLES
from pve_simulator import Simulator, World

GUIDE = CHECKOUT / "docs" / "gitops"
LIBRARIES = ["ansible-core", *re.findall(r"^([A-Za-z]+)>=", (CHECKOUT / "requirements.txt").read_text(), re.MULTILINE)]
INSTALLS = (f"pip install {' '.join(LIBRARIES)}", "ansible-galaxy collection install lifeboat.backup")
"""What a pipeline installs. It is at hand here, so that these commands are compared and not run."""


@dataclass
class Repository:
    """A repository with the files of the guide, and a cluster with the guide's two tokens."""

    world: World
    folder: Path
    environment: dict[str, str]
    secrets: dict[str, str] = field(default_factory=dict)

    def run(self, script: str, given: Mapping[str, str]) -> Run:
        """A script as a runner runs it: in bash, ended by the first command that fails."""
        shell = ["bash", "-e", "-o", "pipefail", "-c", script]
        settings = {**variables(self.environment), **given}
        done = subprocess.run(
            shell, cwd=self.folder, env=settings, capture_output=True, text=True, timeout=120, check=False
        )
        return Run(done.returncode, done.stdout + done.stderr)

    def report(self) -> str:
        """The report of the last run."""
        return (self.folder / "report.md").read_text(encoding="utf-8")


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    folder = tmp_path / "repository"
    folder.mkdir()
    shutil.copy(GUIDE / "policy.yml", folder)
    world = build_world(tmp_path / "cluster")
    secrets = {}
    for user, role in (("check", "LifeboatPolicyCheck"), ("policy", "LifeboatPolicy")):
        world.add_role(role, ROLES[role])
        world.add_user(f"{user}@pve")
        secrets[user] = world.add_token(f"{user}@pve", "lifeboat", privsep=True)
        for holder in (f"{user}@pve", f"{user}@pve!lifeboat"):
            world.add_acl("/", role, user_or_token=holder, propagate=True)
    with Simulator(world) as sim:
        shutil.copy(sim.ca_path, folder / "ca.pem")
        environment = {
            "PROXMOX_HOST": sim.host,
            "PROXMOX_PORT": str(sim.port),
            "XDG_STATE_HOME": str(tmp_path / "state"),
        }
        yield Repository(world, folder, environment, secrets)


def test_the_guide_grants_what_the_page_on_rights_does() -> None:
    """Where it is tested that each privilege is needed."""
    page = (CHECKOUT / "docs" / "rights.md").read_text(encoding="utf-8")
    commands = re.findall(r"^pveum .*$", (GUIDE / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 8
    assert [command for command in commands if command not in page] == []


class Actions:
    """A runner of GitHub's, as far as the pipeline asks it."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.jobs = yaml.safe_load((GUIDE / "github-actions.yml").read_text(encoding="utf-8"))
        self.known = {
            "vars.PROXMOX_HOST": repository.environment["PROXMOX_HOST"],
            "vars.PROXMOX_CHECK_TOKEN_ID": "check@pve!lifeboat",
            "secrets.PROXMOX_CHECK_TOKEN_SECRET": repository.secrets["check"],
            "vars.PROXMOX_TOKEN_ID": "policy@pve!lifeboat",
            "secrets.PROXMOX_TOKEN_SECRET": repository.secrets["policy"],
            "github.workspace": str(repository.folder),
            "github.token": "the-token",
            "github.event.pull_request.number": "7",
        }
        self.summary = repository.folder.parent / "summary.md"
        tools = repository.folder.parent / "bin"
        tools.mkdir()
        self.comment = repository.folder.parent / "comment"
        gh = tools / "gh"
        gh.write_text(f'#!/bin/sh\necho "$GH_TOKEN $@" > {self.comment}\ncat report.md >> {self.comment}\n')
        gh.chmod(0o755)
        self.tools = tools

    def environment(self, *places: Mapping[str, Any]) -> dict[str, str]:
        """Variables of a workflow, a job and a step, their expressions replaced. One that is unknown is an error."""
        given = {name: str(value) for place in places for name, value in place.get("env", {}).items()}
        return {
            name: re.sub(r"\$\{\{ (\S+) \}\}", lambda found: self.known[found[1]], text) for name, text in given.items()
        }

    def wanted(self, condition: str, code: int) -> bool:
        """Whether a step is run, with the two conditions that the pipeline knows."""
        if not condition:
            return code == 0
        assert condition == "always() && hashFiles('report.md') != ''"
        return (self.repository.folder / "report.md").exists()

    def job(self, name: str) -> Run:
        """A job, step by step; steps that are always run come after a failure, too."""
        job = self.jobs["jobs"][name]
        code, output = 0, ""
        for step in job["steps"]:
            if "run" not in step or not self.wanted(str(step.get("if", "")), code):
                continue
            if step["name"] == "Install":
                assert all(command in step["run"] for command in INSTALLS)
                continue
            path = f"{self.tools}:{variables({})['PATH']}"
            runner = {"GITHUB_STEP_SUMMARY": str(self.summary), "PATH": path}
            run = self.repository.run(step["run"], {**runner, **self.environment(self.jobs, job, step)})
            code, output = code or run.code, output + run.output
        return Run(code, output)


def test_github_actions(repository: Repository) -> None:
    runner, jobs = Actions(repository), repository.world.cluster.jobs
    checked = runner.job("check")
    assert checked.code == 0, checked.output
    assert jobs == {}
    comment = runner.comment.read_text(encoding="utf-8")
    assert comment.startswith("the-token pr comment 7 --body-file report.md --edit-last --create-if-none\n")
    assert "lifeboat-main\\_gold" in comment or "lifeboat-main_gold" in comment
    assert "+  schedule: 02:30" in checked.output, "the drift is shown as a difference"

    applied = runner.job("apply")
    assert applied.code == 0, applied.output
    assert sorted(jobs) == ["lifeboat-main_bronze", "lifeboat-main_gold"]
    assert jobs["lifeboat-main_gold"]["vmid"] == "101,102,104,300"
    assert jobs["lifeboat-main_bronze"]["vmid"] == "105,301", "103 is exempt"
    assert "6 of 7 (85 %)" in runner.summary.read_text(encoding="utf-8")

    good = runner.job("status")
    assert good.code == 0, good.output
    jobs["lifeboat-main_gold"]["schedule"] = "sat 01:00"
    drifted = runner.job("status")
    assert drifted.code != 0
    assert "lifeboat-main_gold" in drifted.output
    assert jobs["lifeboat-main_gold"]["schedule"] == "sat 01:00", "the status changes nothing"
    for secret in repository.secrets.values():
        assert secret not in checked.output + applied.output + good.output + drifted.output + comment


def test_a_pull_request_with_a_mistake(repository: Repository) -> None:
    policy = repository.folder / "policy.yml"
    policy.write_text(policy.read_text().replace("rpo: 24h", "rpo: soon"))
    run = Actions(repository).job("check")
    assert run.code != 0
    assert "policy.yml:9: tiers.gold.rpo: expected a duration" in " ".join(run.output.split()), run.output


@dataclass
class Comments:
    """A server that takes comments on merge requests."""

    url: str
    taken: list[tuple[str, str, str]]


@pytest.fixture
def comments() -> Iterator[Comments]:
    taken: list[tuple[str, str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            taken.append((self.path, self.headers["PRIVATE-TOKEN"], parse_qs(body)["body"][0]))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Comments(f"http://127.0.0.1:{server.server_port}/api/v4", taken)
    server.shutdown()
    server.server_close()


def test_gitlab_ci(repository: Repository, comments: Comments) -> None:
    pipeline = yaml.safe_load((GUIDE / "gitlab-ci.yml").read_text(encoding="utf-8"))
    assert tuple(pipeline["default"]["before_script"]) == INSTALLS
    project = {
        **{
            name: str(value).replace("$CI_PROJECT_DIR", str(repository.folder))
            for name, value in pipeline["variables"].items()
        },
        "PROXMOX_CHECK_TOKEN_ID": "check@pve!lifeboat",
        "PROXMOX_CHECK_TOKEN_SECRET": repository.secrets["check"],
        "PROXMOX_TOKEN_ID": "policy@pve!lifeboat",
        "PROXMOX_TOKEN_SECRET": repository.secrets["policy"],
        "COMMENT_TOKEN": "the-token",
        "CI_API_V4_URL": comments.url,
        "CI_PROJECT_ID": "12",
        "CI_MERGE_REQUEST_IID": "7",
    }

    def job(name: str) -> Run:
        run = repository.run("\n".join(pipeline[name]["script"]), project)
        after = repository.run("\n".join(pipeline[name].get("after_script", [])), project)
        assert after.code == 0, after.output
        return run

    checked = job("check")
    assert checked.code == 0, checked.output
    assert repository.world.cluster.jobs == {}
    [(path, token, body)] = comments.taken
    assert (path, token) == ("/api/v4/projects/12/merge_requests/7/notes", "the-token")
    assert body == repository.report()
    applied = job("apply")
    assert applied.code == 0, applied.output
    assert sorted(repository.world.cluster.jobs) == ["lifeboat-main_bronze", "lifeboat-main_gold"]
    repository.world.add_container(106, "web3", node="pve1", files={}, tags=["prod"])
    assert job("apply").code == 0
    assert repository.world.cluster.jobs["lifeboat-main_gold"]["vmid"] == "101,102,104,106,300"
    del repository.world.cluster.jobs["lifeboat-main_bronze"]
    assert job("status").code != 0
