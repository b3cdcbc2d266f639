# What the guests have in common, for busybox's shell; each sources it first. It says steps on the console as "== STEP" and brings up
# the system, the network and the kernel's initiator. The folder that the guest shares with its test is /host.
set -e

step() {
  echo "== $1"
}

# Waits until the test has done its part.
await() {
  step "$1"
  while [ ! -e "/host/$1" ]; do sleep 0.1; done
}

# Makes the node record of a portal and logs in. The target is known there by an address of the host; slirp has another for it here.
log_in() {
  iscsiadm -m node -o new -T "$target" -p "$1,$2"
  iscsiadm -m node -T "$target" -p "$1" --login
}

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
mount -t tmpfs iscsi /etc/iscsi
mkdir -p /run/lock/iscsi

# Nothing of this stays when the test has gone away.
(sleep 600 && poweroff -f) &

ip link set lo up
ip address add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2

echo 'InitiatorName=iqn.2026-11.org.example:linux' >/etc/iscsi/initiatorname.iscsi
echo 'node.startup = manual' >/etc/iscsi/iscsid.conf
modprobe iscsi_tcp
