#!/bin/bash
# vm.sh: in a machine of its own that has booted, with the packages installed:
# uses the services as systemd and AppArmor run them, and writes what it finds,
# "NAME VALUE" a line, to the serial port of test_vm.py.  Then turns it off.
set -u
exec > /dev/ttyS1 2> /dev/console

fact() {
    printf '%s %s\n' "$1" "$(printf '%s' "$2" | tr '\n' ' ')"
}

rc_of() {       # rc_of NAME COMMAND...: its exit code
    local name=$1
    shift
    "$@" > /dev/console 2>&1
    fact "$name" $?
}

engine_pid() {
    systemctl show -P MainPID hx-engine
}

# what the kernel and systemd's filters refused since the boot
denied() {
    journalctl -q -k -b --grep "$1" | wc -l
}

fact lsm "$(cat /sys/kernel/security/lsm)"
fact booted "$(systemctl is-active hx-engine nginx)"
fact failed-units "$(systemctl --failed --plain --no-legend)"

rc_of smoke /root/smoke.sh systemd

pid=$(engine_pid)
fact profile "$(cat "/proc/$pid/attr/current")"
fact user "$(stat -c %U "/proc/$pid")"
fact status "$(sed -n 's/^\(CapEff\|CapBnd\|NoNewPrivs\|Seccomp\):\t/\1=/p' \
    "/proc/$pid/status")"
fact key-in-environment "$(tr '\0' '\n' < "/proc/$pid/environ" |
    grep -c -F "$(cat /etc/hx-engine/service.key)")"
fact nginx-profile "$(cat "/proc/$(cat /run/nginx.pid)/attr/current")"

# signals, a crash, an end in good order
rc_of reload systemctl reload hx-engine
kill -KILL "$pid"
for _ in $(seq 300); do
    if [ "$(engine_pid)" != "$pid" ] && curl -sf http://127.0.0.1:8000/ready
    then
        break
    fi
    sleep 0.1
done > /dev/console
fact restarts "$(systemctl show -P NRestarts hx-engine)"
rc_of smoke-after-crash /root/smoke.sh systemd
rc_of nginx-reload systemctl reload nginx
rc_of smoke-after-reload /root/smoke.sh systemd

# the store, copied where the profile lets it
as_engine=(runuser -u hx-engine -- hx-engine)
rc_of backup "${as_engine[@]}" backup /var/backups/hx-engine/one
rc_of check "${as_engine[@]}" check
rc_of check-backup "${as_engine[@]}" check /var/backups/hx-engine/one
fact starts-logged "$(journalctl -q -u hx-engine | grep -c '"event":"started"')"
fact denied-before "$(denied 'apparmor="DENIED"')"
fact seccomp-before "$(denied 'type=1326')"

# and where it does not, until the operator says so
install -d -o hx-engine /srv/two
rc_of backup-elsewhere "${as_engine[@]}" backup /srv/two/one
fact denied-elsewhere "$(denied 'apparmor="DENIED".*profile="hx-engine".*/srv/two')"
echo '/srv/two/{,**} rwk,' >> /etc/apparmor.d/local/usr.sbin.hx-engine
rc_of load-local apparmor_parser -r /etc/apparmor.d/usr.sbin.hx-engine
rc_of backup-allowed "${as_engine[@]}" backup /srv/two/one

# nobody but this machine is let in, whatever the engine listens on
ip link add hx0 type dummy
ip address add 192.0.2.1/24 dev hx0
ip link set hx0 up
echo HOLONOMIX_HOST=0.0.0.0 >> /etc/hx-engine/hx-engine.env
rc_of restart-anywhere systemctl restart hx-engine
rc_of from-here curl -s -m 5 -o /dev/null http://127.0.0.1:8000/ready
rc_of from-outside curl -s -m 2 -o /dev/null http://192.0.2.1:8000/ready
mkdir -p /etc/systemd/system/hx-engine.service.d
printf '[Service]\nIPAddressAllow=192.0.2.0/24\n' \
    > /etc/systemd/system/hx-engine.service.d/gates.conf
systemctl daemon-reload
rc_of restart-allowed systemctl restart hx-engine
rc_of from-outside-allowed curl -s -m 5 -o /dev/null http://192.0.2.1:8000/ready

# a restore, from where backups are, by the engine's user
systemctl stop hx-engine
rm /var/lib/hx-engine/*
rc_of restore "${as_engine[@]}" restore /var/backups/hx-engine/one
rc_of smoke-restored /root/smoke.sh systemd
fact denied-last "$(denied 'apparmor="DENIED"')"

rc_of stop systemctl stop hx-engine
fact result "$(systemctl show -P Result hx-engine)"
fact end reached
sync
systemctl poweroff --force
