# A disk that takes part of a write and then nothing: the record that was cut
# is written whole when there is room again, and none is doubled.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

use constant ROOM => 200 * 1024;        # more than what LMDB writes at start

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
my $key = $HXGate::Key{acme};

# a limit on the size of files is such a disk, when its signal is ignored
$SIG{XFSZ} = 'IGNORE';

# all but 100 bytes of the file are taken, less than a record
my $old = '{"old":"' . 'x' x (ROOM - 100 - 11) . "\"}\n";

for my $case (
    [ 'rotated', sub {
        rename $HXGate::Audit, "$HXGate::Audit.1" or die $!;
        $_[0]->signal('USR1');
        HXGate::wait_for('the new file', sub { -s $HXGate::Audit }) } ],
    [ 'emptied', sub {
        system('cp', $HXGate::Audit, "$HXGate::Audit.1") == 0 or die;
        truncate $HXGate::Audit, 0 or die $!;
        HXGate::wait_for('the first record', sub { -s $HXGate::Audit }) } ],
) {
    my ($name, $room) = @$case;

    HXGate::spew($HXGate::Audit, $old);
    HXGate::give($HXGate::Audit);
    is -s $HXGate::Audit, ROOM - 100, "$name: room for 100 bytes";

    my $server = HXGate::Server->new(
        http => HXGate::http_config(audit => "$HXGate::Audit flush=10ms",
                                    zone => 'gate 1m state=off'),
        wrap => ['prlimit', '--fsize=' . ROOM])->start;

    my $n = 0;
    my $get = sub {
        my ($times) = @_;
        my %status;
        for (1 .. $times) {
            my $r = $server->request('GET', '/v1/get/prod/k', key => $key,
                headers => ['X-Request-Id', 'n-' . ++$n]);
            $status{$r->{status}}++;
        }
        return join ' ', sort keys %status;
    };

    is $get->(40), 200, "$name: requests pass";
    HXGate::wait_for('the disk to be full',
                     sub { -s $HXGate::Audit == ROOM });
    HXGate::wait_for('a failed write', sub {
        $server->logged(qr/\[alert\].*audit log .*: write\(\)/);
    });
    is $get->(40), 200, "$name: with a full disk, too";
    is -s $HXGate::Audit, ROOM, "$name: nothing more went in";

    $room->($server);
    is $get->(5), 200, "$name: and with room again";
    is $server->stop, 0, "$name: nginx ends well";

    my ($first, @more) = split /\n/, HXGate::slurp("$HXGate::Audit.1");
    is "$first\n", $old, "$name: what was there is there";
    my (@ids, @bad);
    for my $line (@more, split /\n/, HXGate::slurp($HXGate::Audit)) {
        my $rec = eval { JSON::PP::decode_json($line) };
        push @{ $rec ? \@ids : \@bad }, $rec ? $rec->{request_id} : $line;
    }
    is join(' ', @ids), join(' ', map { "n-$_" } 1 .. $n),
        "$name: every record once, in order";
    is join('|', @bad), $more[-1], "$name: one line was cut, where it was full";
    is substr(HXGate::slurp($HXGate::Audit), -1), "\n",
        "$name: the last line is whole";
}

# the same file takes on: what was cut stands alone
{
    HXGate::spew($HXGate::Audit, $old);
    HXGate::give($HXGate::Audit);
    my $server = HXGate::Server->new(
        http => HXGate::http_config(audit => "$HXGate::Audit flush=10ms",
                                    zone => 'gate 1m state=off'),
        wrap => ['prlimit', '--fsize=' . ROOM])->start;
    my $n = 0;
    for (1 .. 40) {
        $server->request('GET', '/v1/get/prod/k', key => $key,
                         headers => ['X-Request-Id', 'n-' . ++$n]);
    }
    HXGate::wait_for('the disk to be full',
                     sub { -s $HXGate::Audit == ROOM });
    # the old record goes, as if somebody had made room in front; the worker
    # sees the file before it or after it
    my $rest = substr HXGate::slurp($HXGate::Audit), length $old;
    my ($worker) = $server->pids;
    kill 'STOP', $worker;
    HXGate::wait_for('the worker to stop', sub {
        HXGate::slurp("/proc/$worker/stat") =~ /\) T /;
    });
    HXGate::spew($HXGate::Audit, $rest);
    kill 'CONT', $worker;
    HXGate::wait_for('the rest', sub {
        HXGate::slurp($HXGate::Audit) =~ /"n-$n"\}\n\z/;
    });
    is $server->stop, 0, 'in place: nginx ends well';
    my (@ids, @bad);
    for my $line (split /\n/, HXGate::slurp($HXGate::Audit)) {
        my $rec = eval { JSON::PP::decode_json($line) };
        push @{ $rec ? \@ids : \@bad }, $rec ? $rec->{request_id} : $line;
    }
    is join(' ', @ids), join(' ', map { "n-$_" } 1 .. $n),
        'in place: every record once, in order';
    is scalar(@bad), 1, 'in place: what was cut is a line of its own';
}

done_testing;
