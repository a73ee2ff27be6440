# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a configuration says, read from the API or from an archive, and when two of them say the same."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import (
    NEVER_EQUAL,
    GuestConfiguration,
    Volume,
    as_new_volumes,
    bytes_of,
    differences,
    missing_volumes,
    properties,
    property_string,
    without_address,
)
from unit.builders import GIB, MIB
from unit.restore_builders import DB, WEB, a_configuration

CARDS = {"lxc": WEB["net0"], "qemu": DB["net0"]}
OTHER_MAC = "BC:24:11:FF:FF:FF"


def _moved(network: str) -> str:
    """The same card with another address."""
    return network.replace("BC:24:11:00:00:01", OTHER_MAC).replace("BC:24:11:00:00:02", OTHER_MAC)


def _archive(values: Mapping[str, str]) -> str:
    """As Proxmox writes it: the description first, each line behind a #."""
    lines = [f"#{quote(line)}" for line in values.get("description", "").splitlines()]
    lines += [f"{key}: {value}" for key, value in sorted(values.items()) if key != "description"]
    return "\n".join(lines) + "\n"


# ----- what is read


def test_an_archive_says_the_same_as_the_api() -> None:
    for kind, values in (("lxc", WEB), ("qemu", DB)):
        told = GuestConfiguration.from_archive(kind, _archive(values))
        assert told == GuestConfiguration.from_api(kind, {**values}) == GuestConfiguration(kind, values)


def test_numbers_of_the_api_are_texts() -> None:
    found = GuestConfiguration.from_api("lxc", {"memory": 512, "cpulimit": 0.5, "unprivileged": 1, "digest": "abc"})
    assert dict(found.values) == {"memory": "512", "cpulimit": "0.5", "unprivileged": "1", "digest": "abc"}


def test_snapshots_and_pending_changes_in_an_archive_are_no_part_of_the_guest() -> None:
    text = "memory: 512\nparent: before\n[PENDING]\nmemory: 1024\n[before]\nmemory: 256\n"
    assert dict(GuestConfiguration.from_archive("qemu", text).values) == {"memory": "512", "parent": "before"}


def test_the_map_of_a_vms_disks_is_no_description() -> None:
    text = "#all%3A 100%25\n#\n#it's\nname: db1\n#qmdump#map:scsi0:drive-scsi0:local:qcow2:\n"
    found = GuestConfiguration.from_archive("qemu", text)
    assert dict(found.values) == {"name": "db1", "description": "all: 100%\n\nit's\n"}


def test_text_that_is_no_configuration_says_nothing() -> None:
    assert dict(GuestConfiguration.from_archive("lxc", "").values) == {}
    assert dict(GuestConfiguration.from_archive("lxc", "nonsense\n\n  \n").values) == {}


def test_lines_for_lxc_itself_are_the_same_from_the_archive_and_from_the_api() -> None:
    text = "memory: 512\nlxc.cap.drop: sys_admin\nlxc.idmap: u 0 100000 1000\nlxc.idmap: g 0 100000 1000\n"
    raw = [["lxc.cap.drop", "sys_admin"], ["lxc.idmap", "u 0 100000 1000"], ["lxc.idmap", "g 0 100000 1000"]]
    archived = GuestConfiguration.from_archive("lxc", text)
    found = GuestConfiguration.from_api("lxc", {"memory": 512, "lxc": raw})
    assert differences(archived, found, False) == []
    without = GuestConfiguration.from_api("lxc", {"memory": 512, "lxc": raw[:2]})
    assert differences(archived, without, False) == ["lxc.idmap"]
    assert found.fingerprint != without.fingerprint


@pytest.mark.parametrize("raw", [None, "nonsense", [["one"], "two", 3], {}])
def test_an_answer_with_nonsense_for_lxc_is_read_all_the_same(raw: object) -> None:
    assert dict(GuestConfiguration.from_api("lxc", {"memory": 512, "lxc": raw}).values)["memory"] == "512"


def test_names_and_marks() -> None:
    web, db = a_configuration("lxc", template="1", protection="1", lock="backup"), a_configuration("qemu")
    assert (web.name, web.unprivileged, web.template, web.protected, web.lock) == ("web1", True, True, True, "backup")
    assert (db.name, db.unprivileged, db.template, db.protected, db.lock) == ("db1", False, False, False, None)
    assert a_configuration("lxc", hostname=None).name is None


# ----- volumes


def test_volumes_of_a_container_are_its_root_and_what_its_backup_holds() -> None:
    found = a_configuration(
        "lxc",
        mp0="local:101/vm-101-disk-1.raw,mp=/srv/keep,backup=1,size=512M",
        mp1="fast:subvol-101-disk-2,mp=/srv/skip,size=1T",
        mp2="/mnt/pool,mp=/srv/pool,backup=1",
        mp3="local:101/vm-101-disk-3.raw,mp=/srv/no,backup=0,size=1G",
    ).volumes
    assert found == [
        Volume("rootfs", "local", "local:101/vm-101-disk-0.raw", 4 * GIB, True),
        Volume("mp0", "local", "local:101/vm-101-disk-1.raw", 512 * MIB, True),
        Volume("mp1", "fast", "fast:subvol-101-disk-2", 1024 * GIB, False),
        Volume("mp2", None, "/mnt/pool", 0, False),
        Volume("mp3", "local", "local:101/vm-101-disk-3.raw", GIB, False),
    ]


def test_volumes_of_a_vm_are_its_disks_without_its_drives() -> None:
    found = a_configuration(
        "qemu",
        ide0="none,media=cdrom",
        ide1="cdrom,media=cdrom",
        ide2="local:300/vm-300-cloudinit.qcow2,media=cdrom,size=4M",
        sata0="file=fast:vm-300-disk-1,size=2G",
        virtio15="fast:vm-300-disk-2,backup=0,size=1G",
        scsi1="/dev/disk/by-id/one,size=10G",
        efidisk0="local:300/vm-300-disk-3.qcow2,size=528K",
        tpmstate0="local:300/vm-300-disk-4.raw,size=4M",
        scsihw="virtio-scsi-single",
        ide3="",
    ).volumes
    assert [(one.key, one.storage, one.in_backup) for one in found] == [
        ("efidisk0", "local", True),
        ("sata0", "fast", True),
        ("scsi0", "local", True),
        ("scsi1", None, False),
        ("tpmstate0", "local", True),
        ("virtio15", "fast", False),
    ]


def test_the_root_storage_is_that_of_the_root_or_the_first_disk_that_has_one() -> None:
    assert a_configuration("lxc", mp0="fast:subvol-101-disk-2,mp=/srv").root_storage == "local"
    assert a_configuration("qemu", ide0="/dev/sdb").root_storage == "local"
    assert a_configuration("qemu", scsi0=None).root_storage is None


def test_volumes_attached_nowhere_are_unused() -> None:
    found = a_configuration("qemu", unused1="local:300/b.raw", unused0="local:300/a.raw", unusedx="no")
    assert found.unused == {"unused0": "local:300/a.raw", "unused1": "local:300/b.raw"}


def test_a_containers_volumes_are_made_again_each_where_it_was_and_of_its_size() -> None:
    web = a_configuration(
        "lxc",
        rootfs="volume=local:101/a.raw,size=1001M",
        mp0="fast:b,mp=/srv,backup=1,acl=1,size=8G",
        mp1="local:101/c.raw,mp=/no,size=1536M,ro=1",
        mp2="tank:subvol-101-disk-0,mp=/all,size=0T",
        mp3="/mnt/pool,mp=/srv/pool",
    )
    assert as_new_volumes(web) == {
        "rootfs": "local:0.9775390625",
        "mp0": "fast:8,mp=/srv,backup=1,acl=1",
        "mp1": "local:1.5,mp=/no,ro=1",
        "mp2": "tank:0,mp=/all",
        "mp3": "/mnt/pool,mp=/srv/pool",
    }


@given(st.integers(1, 4 * 1024**2))
def test_no_whole_number_of_mib_is_cut_down(mib: int) -> None:
    """As Proxmox does it (pve-container LXC.pm): ``int($size_gb * 1024)`` MiB."""
    made = as_new_volumes(a_configuration("lxc", rootfs=f"local:101/a.raw,size={mib}M"))["rootfs"]
    assert int(float(made.removeprefix("local:")) * 1024) == mib


@pytest.mark.parametrize(
    ("text", "size"),
    [("4G", 4 * GIB), ("1.5G", 3 * GIB // 2), ("0T", 0), ("528K", 528 * 1024), ("512", 512), ("", 0), ("big", 0)],
)
def test_sizes(text: str, size: int) -> None:
    assert bytes_of(text) == size


@pytest.mark.parametrize(
    ("kind", "said", "held"),
    [
        ("lxc", "", False), ("lxc", ",backup=1", True), ("lxc", ",backup=yes", True), ("lxc", ",backup=on", True),
        ("lxc", ",backup=TRUE", True), ("lxc", ",backup=0", False), ("lxc", ",backup=no", False),
        ("qemu", "", True), ("qemu", ",backup=1", True), ("qemu", ",backup=0", False), ("qemu", ",backup=no", False),
        ("qemu", ",backup=off", False), ("qemu", ",backup=False", False), ("qemu", ",backup=on", True),
    ],
)  # fmt: skip
def test_whether_a_backup_holds_a_volume_is_said_in_several_ways(kind: str, said: str, held: bool) -> None:
    key = {"lxc": "mp0", "qemu": "scsi1"}[kind]
    found = {one.key: one for one in a_configuration(kind, **{key: f"fast:b,mp=/srv{said}"}).volumes}
    assert found[key].in_backup is held


def test_volumes_of_which_a_container_tells_no_size() -> None:
    mounts = {"mp0": "fast:b,mp=/srv", "mp1": "fast:c,mp=/all,size=0T", "mp2": "/mnt/pool,mp=/pool"}
    assert a_configuration("lxc", **mounts).sizeless == ["mp0"]
    assert a_configuration("lxc", rootfs="local:101/a.raw").sizeless == ["rootfs"]
    assert a_configuration("qemu", scsi1="fast:b").sizeless == []


# ----- what is not a volume and yet the node's


def test_drives_of_cloud_init_lie_on_a_storage() -> None:
    drives = {
        "ide0": "fast:vm-300-cloudinit,media=cdrom",
        "ide2": "local:300/vm-300-cloudinit.qcow2,media=cdrom,size=4M",
        "sata0": "iso:iso/debian.iso,media=cdrom",
        "sata1": "none,media=cdrom",
    }
    assert a_configuration("qemu", **drives).cloud_init_storages == ["fast", "local"]
    assert a_configuration("qemu").cloud_init_storages == []


def test_devices_of_the_node_and_those_that_are_mapped() -> None:
    found = a_configuration(
        "qemu",
        hostpci0="0000:01:00.0,pcie=1",
        hostpci1="host=02:00",
        hostpci2="mapping=gpu,pcie=1",
        usb0="host=1234:5678",
        usb1="spice",
        usb2="host=spice,usb3=1",
        usb3="mapping=key",
        usb4="mapping=key",
    )
    assert found.host_devices == {"hostpci0": "0000:01:00.0", "hostpci1": "02:00", "usb0": "1234:5678"}
    assert found.mappings == [("pci", "gpu"), ("usb", "key")]
    assert (a_configuration("qemu").host_devices, a_configuration("qemu").mappings) == ({}, [])


def test_a_containers_own_lines_of_lxc() -> None:
    found = a_configuration("lxc", **{"lxc.idmap": "u 0 1 1", "lxc.cap.drop": "x", "lxcx": "1"})
    assert found.raw_lines == ["lxc.cap.drop", "lxc.idmap"]


def test_tags() -> None:
    assert a_configuration("lxc", tags="prod;web, old").tags == {"prod", "web", "old"}
    assert a_configuration("lxc").tags == frozenset()


# ----- what a failed restore leaves


@pytest.mark.parametrize("values", [{"digest": "da39"}, {"digest": "da39", "memory": "128"}, {"lock": "create"}])
def test_a_stub_is_a_configuration_with_nothing_in_it(values: dict[str, str]) -> None:
    assert GuestConfiguration("qemu", values).is_stub


def test_no_guest_that_anybody_made_is_a_stub() -> None:
    assert not GuestConfiguration("qemu", {"memory": "128", "name": "db1"}).is_stub
    assert not GuestConfiguration("qemu", {"memory": "128", "scsi0": "local:300/vm-300-disk-0.qcow2"}).is_stub
    assert not a_configuration("lxc").is_stub


# ----- property strings

WORDS = st.text("abcxyz0189-_./:", min_size=1, max_size=8)
PARTS = st.dictionaries(st.text("abcxyz019_-", min_size=1, max_size=6), WORDS, max_size=5)


@given(st.one_of(st.none(), WORDS), PARTS)
def test_property_strings_are_read_as_they_were_written(first: str | None, parts: dict[str, str]) -> None:
    whole = parts if first is None else {"": first, **parts}
    if whole:
        assert properties(property_string(whole)) == whole
        assert property_string(properties(property_string(whole))) == property_string(whole)


@given(st.text(max_size=40))
def test_any_text_is_read_as_a_property_string(text: str) -> None:
    found = properties(text)
    assert all("," not in part and "=" not in key for key, part in found.items())


def test_a_part_without_a_value_counts_in_front_only() -> None:
    assert properties("virtio,bridge=vmbr0,firewall") == {"": "virtio", "bridge": "vmbr0"}


def test_a_card_without_its_address() -> None:
    assert without_address(DB["net0"]) == {"model": "virtio", "bridge": "vmbr1", "firewall": "1"}
    assert without_address("virtio,bridge=vmbr1") == {"model": "virtio", "bridge": "vmbr1"}
    assert without_address("model=e1000,macaddr=BC:24:11:00:00:02,bridge=vmbr1") == {
        "model": "e1000",
        "bridge": "vmbr1",
    }
    assert without_address(WEB["net0"]) == {
        "name": "eth0",
        "bridge": "vmbr0",
        "ip": "dhcp",
        "tag": "7",
        "type": "veth",
    }


# ----- differences


@pytest.mark.parametrize("kind", ["lxc", "qemu"])
@pytest.mark.parametrize("renewed", [False, True])
def test_a_guest_is_not_different_from_itself(kind: str, renewed: bool) -> None:
    assert differences(a_configuration(kind), a_configuration(kind), renewed) == []


@pytest.mark.parametrize("key", sorted(NEVER_EQUAL))
def test_what_a_restore_makes_anew_is_no_difference(key: str) -> None:
    assert differences(a_configuration("qemu", **{key: "one"}), a_configuration("qemu", **{key: "two"}), False) == []
    assert differences(a_configuration("qemu"), a_configuration("qemu", **{key: "two"}), False) == []


def test_differences_are_named_once_each_and_in_order() -> None:
    wanted = a_configuration("lxc", onboot="1", tags="prod")
    found = a_configuration("lxc", memory="1024", cores="2", tags="test", nameserver="192.0.2.1")
    assert differences(wanted, found, False) == ["cores", "memory", "nameserver", "onboot", "tags"]


@pytest.mark.parametrize("kind", ["lxc", "qemu"])
def test_another_address_is_a_difference_unless_it_was_to_be_renewed(kind: str) -> None:
    wanted, found = a_configuration(kind), a_configuration(kind, net0=_moved(CARDS[kind]))
    assert differences(wanted, found, False) == ["net0"]
    assert differences(wanted, found, True) == []


@pytest.mark.parametrize("kind", ["lxc", "qemu"])
@pytest.mark.parametrize("renewed", [False, True])
def test_another_bridge_is_one_also_where_addresses_are_renewed(kind: str, renewed: bool) -> None:
    moved = CARDS[kind].replace("bridge=vmbr", "bridge=vmbr9")
    assert differences(a_configuration(kind), a_configuration(kind, net0=moved), renewed) == ["net0"]


@pytest.mark.parametrize("renewed", [False, True])
@pytest.mark.parametrize(
    ("kind", "said", "written"),
    [
        ("qemu", "virtio,bridge=vmbr1", "virtio=BC:24:11:AA:BB:CC,bridge=vmbr1"),
        ("qemu", "model=virtio,bridge=vmbr1", "virtio=BC:24:11:AA:BB:CC,bridge=vmbr1"),
        ("qemu", "virtio=bc:24:11:aa:bb:cc,bridge=vmbr1", "virtio=BC:24:11:AA:BB:CC,bridge=vmbr1"),
        ("lxc", "name=eth0,bridge=vmbr1", "name=eth0,bridge=vmbr1,hwaddr=BC:24:11:AA:BB:CC,type=veth"),
    ],
)
def test_a_card_that_a_user_set_is_not_different_from_what_proxmox_writes_of_it(
    kind: str, said: str, written: str, renewed: bool
) -> None:
    assert differences(a_configuration(kind, net0=said), a_configuration(kind, net0=written), renewed) == []


def test_a_card_more_or_less_is_a_difference() -> None:
    more = a_configuration("lxc", net1="name=eth1,bridge=vmbr1,hwaddr=BC:24:11:00:00:09,type=veth")
    assert differences(a_configuration("lxc"), more, True) == ["net1"]
    assert differences(more, a_configuration("lxc"), True) == ["net1"]


def test_a_renewed_uuid_is_none_and_the_serial_number_beside_it_is() -> None:
    wanted = a_configuration("qemu", smbios1="uuid=1111,serial=abc")
    assert differences(wanted, a_configuration("qemu", smbios1="uuid=2222,serial=abc"), True) == []
    assert differences(wanted, a_configuration("qemu", smbios1="uuid=2222,serial=abc"), False) == ["smbios1"]
    assert differences(wanted, a_configuration("qemu", smbios1="uuid=1111,serial=xyz"), True) == ["smbios1"]


def test_tags_have_no_order() -> None:
    assert differences(a_configuration(tags="web;prod"), a_configuration(tags="prod;web"), False) == []
    assert differences(a_configuration(tags="web;prod"), a_configuration(tags="prod"), False) == ["tags"]


def test_volumes_are_none_wherever_they_lie() -> None:
    wanted = a_configuration("qemu", unused0="local:300/a.raw")
    found = a_configuration("qemu", scsi0="fast:vm-401-disk-0,size=8G", scsi1="fast:vm-401-disk-1", unused3="fast:b")
    assert differences(wanted, found, False) == []


def test_a_cloud_init_drive_is_made_anew_and_any_other_cd_is_not() -> None:
    wanted = a_configuration("qemu", ide2="local:300/vm-300-cloudinit.qcow2,media=cdrom,size=4M")
    assert differences(wanted, a_configuration("qemu", ide2="fast:vm-401-cloudinit,media=cdrom"), False) == []
    assert differences(wanted, a_configuration("qemu", ide2="local:iso/debian.iso,media=cdrom"), False) == ["ide2"]
    assert differences(wanted, a_configuration("qemu"), False) == ["ide2"]


def test_an_empty_setting_is_as_good_as_none() -> None:
    assert differences(a_configuration("qemu", boot=""), a_configuration("qemu", boot=" "), False) == []
    assert differences(a_configuration(tags="", description=""), a_configuration(description=None), False) == []


def test_the_description_of_a_vm_does_not_count_where_proxmox_writes_its_other_disks_into_it() -> None:
    whole = {"description": "the database\n"}
    told = {"description": "the database\nscsi1: local:300/b.raw,backup=0\n"}
    left_out = a_configuration("qemu", scsi1="local:300/b.raw,backup=0", **whole)
    assert differences(left_out, a_configuration("qemu", **told), False) == []
    assert differences(a_configuration("qemu", **whole), a_configuration("qemu", **told), False) == ["description"]


# ----- volumes that are missing


def test_volumes_that_were_in_the_backup_must_be_there_and_no_others() -> None:
    wanted = a_configuration(
        "lxc",
        mp0="local:101/b.raw,mp=/srv/keep,backup=1",
        mp1="local:101/c.raw,mp=/srv/skip,backup=0",
        mp2="/mnt/pool,mp=/srv/pool",
    )
    assert missing_volumes(wanted, a_configuration("lxc")) == ["mp0"]
    assert missing_volumes(wanted, a_configuration("lxc", rootfs=None)) == ["rootfs", "mp0"]
    assert missing_volumes(wanted, wanted) == []
    assert missing_volumes(a_configuration("lxc"), wanted) == []


# ----- whether anybody changed it, and how it is shown

SETTINGS = st.dictionaries(
    st.sampled_from(["cores", "memory", "hostname", "rootfs", "mp0", "net0", "tags", "lxc.idmap"]),
    st.text("abc019:/,=", min_size=1, max_size=6),
    min_size=1,
)


@given(SETTINGS)
def test_the_fingerprint_tells_all_settings_and_nothing_else(values: dict[str, str]) -> None:
    one = GuestConfiguration("lxc", values)
    left = {"digest": "new", "lock": "backup", "unused0": "what a pending removal leaves behind"}
    turned = GuestConfiguration("lxc", {**dict(reversed(list(values.items()))), **left})
    assert turned.fingerprint == one.fingerprint
    for key, text in values.items():
        changed = GuestConfiguration("lxc", {**values, key: text + "!"})
        gone = GuestConfiguration("lxc", {other: value for other, value in values.items() if other != key})
        assert len({one.fingerprint, changed.fingerprint, gone.fingerprint}) == 3


DESCRIPTIONS = st.lists(st.text("aü:%# ", max_size=8), max_size=3).map(lambda lines: "".join(f"{x}\n" for x in lines))


@given(SETTINGS, DESCRIPTIONS)
def test_a_configuration_that_is_written_is_read_again(values: dict[str, str], description: str) -> None:
    said = {**values, "description": description} if description else values
    read = GuestConfiguration.from_archive("lxc", _archive(said))
    assert read == GuestConfiguration("lxc", said)
    assert differences(read, GuestConfiguration("lxc", said), False) == []


def test_a_password_is_neither_shown_nor_compared() -> None:
    """The API shows it masked, the archive as it is."""
    archived = a_configuration("qemu", cipassword="$5$salt$hash")
    assert "$5$" not in archived.text()
    assert "cipassword: **********\n" in archived.text()
    assert differences(archived, a_configuration("qemu", cipassword="**********"), False) == []


@pytest.mark.parametrize("key", ["cipassword", "args", "env", "lxc.environment", "lxc.environment.runtime"])
def test_what_may_hold_a_secret_is_not_shown(key: str) -> None:
    shown = GuestConfiguration("lxc", {key: "swordfish", "memory": "512", "onboot": "1"}).text()
    assert shown == f"{key}: **********\nmemory: 512\nonboot: 1\n"


def test_it_is_shown_as_a_line_a_setting() -> None:
    shown = GuestConfiguration("lxc", {"memory": "512", "digest": "abc", "description": "one\ntwo\n"}).text()
    assert shown == "description: one\ntwo\nmemory: 512\n"
