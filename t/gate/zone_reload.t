# A reload with another zone size, and what may go wrong with it: a reload that
# fails changes nothing, windows and usage go on, workers of before may charge
# where they are.

use strict;
use warnings;

use lib 't/lib';
use HX;
use HXGate;
use Test::More;

HXGate::upstream();

mkdir "$HXGate::Dir/shm" or die $!;

sub http {
    my ($size, $more) = @_;
    return HXGate::http_config(
        limits => 1, zone => "gate $size state=$HXGate::Dir/shm",
        registry => "lmdb:$HXGate::Dir/registry map_size=16m usage_flush=60s",
        more => 'hx_gate_plan tight requests=1000 window=1h quota=2 '
                . 'overage=off; hx_gate_billing on;') . ($more // '');
}

my $server = HXGate::Server->new(workers => 2, http => http('1m'));
$server->start;
HXGate::create($server->{port}, { tenant_id => 'acme', plan => 'builder' },
               { tenant_id => 'tight', plan => 'tight' });

sub get {
    my $r = $server->request('GET', '/v1/list/default',
                             key => $HXGate::Key{acme});
    return "$r->{status} $r->{headers}{'x-ratelimit-remaining'}";
}

sub put {
    return $server->request('POST', '/v1/put', json => { key => 'k' },
                            key => $HXGate::Key{tight})->{status};
}

sub used {
    my ($tenant) = @_;
    return $server->admin("admin/usage/$tenant")->{json}{cus_used};
}

sub files {
    return join ' ', map { s/.*-[0-9a-f]{16}/FILE/r }
        sort glob "$HXGate::Dir/shm/*";
}

# The listening socket that cannot be had makes it fail when memory is made.
sub failed_reload {
    my ($size) = @_;
    my $taken = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1', LocalPort => HX::port(9), Proto => 'tcp',
        Listen => 1, ReuseAddr => 1) or die $!;
    my $n = $server->logged(qr/still could not bind/);
    $server->write(http => http($size, 'server { listen 127.0.0.1:'
                                       . HX::port(9) . '; }'));
    $server->signal('HUP');
    HXGate::wait_for('the failure', sub {
        return $server->logged(qr/still could not bind/) > $n;
    });
}


is get(), '200 99', 'the first';
failed_reload('2m');
is get(), '200 98', 'after a reload that failed';
is get(), '200 97', 'and another request';
$server->reload(http => http('2m'));
is get(), '200 96', 'then it succeeds: everything counts';
is files(), 'FILE FILE.old', 'the old file is kept';

failed_reload('4m');
is get(), '200 95', 'another one that fails';
$server->reload(http => http('2m'));
is get(), '200 94', 'back to what was';
is files(), 'FILE', 'one file, and it is the one in use';
my ($file) = glob "$HXGate::Dir/shm/*";
for my $pid ($server->pids) {
    unlike HXGate::slurp("/proc/$pid/maps"), qr/hx-gate-\S+ \(deleted\)/,
        'no worker counts in a file that is gone';
}

# a worker that was started after the failure does not hold the next one back
failed_reload('4m');
my ($victim) = $server->pids;
kill 'KILL', $victim;
HXGate::wait_for('its successor', sub {
    my @now = $server->pids;
    return @now == 2 && !grep { $_ == $victim } @now;
});
$server->reload(http => http('3m'));
is get(), '200 93', 'a third size';

# kill -9 of everything: nothing of it is lost
HXGate::wait_for('the charges', sub { used('acme') == 0.7 });
my @all = ($server->{pid}, $server->pids);
kill 'KILL', @all;
HXGate::wait_for('all to go', sub {
    waitpid $all[0], POSIX::WNOHANG();
    return !grep { HXGate::slurp("/proc/$_/stat") =~ /\) [^Z]/ } @all;
});
$server->start;
is used('acme'), 0.7, 'after kill -9 of all: usage';
is get(), '200 92', 'and window';


# a worker of before goes on charging; quota and usage know

is put(), 200, '1.0 of 2.0';
my $slow = HXGate::connect_to($server->{port});
my ($head, $body) = split /(?<=\r\n\r\n)/,
    HXGate::request_text('POST', '/v1/put', json => { key => 'k' },
                         key => $HXGate::Key{tight},
                         headers => ['Expect', '100-continue']), 2;
HXGate::send_all($slow, $head);
my $in = '';
HXGate::more($slow, \$in) until $in =~ /\r\n\r\n/;
like $in, qr{^HTTP/1.1 100 }, 'a worker waits for its body';
my @old = $server->pids;
$server->write(http => http('4m'));
$server->signal('HUP');
HXGate::wait_for('the new workers', sub {
    my @now = $server->pids;
    return @now >= 2 && (grep { my $p = $_; !grep { $p == $_ } @old } @now)
        == 2;
});
is used('tight'), 1, 'what the old memory holds is told';
HXGate::send_all($slow, $body);
is HXGate::response($slow)->{status}, 200, 'the slow one ends, in the old';
close $slow;
HXGate::wait_for('its charge', sub { used('tight') == 2 });
is used('tight'), 2, 'and is told, too';
is put(), 429, 'the quota knows of it';
$server->reload;
is put(), 429, 'and after one more reload';
is used('tight'), 2, 'to the tenth';

is $server->stop, 0, 'nginx ends well';
is join("\n", grep { !/still could not bind|could not be bound|bind\(\)/ }
        $server->logged(qr/\[(?:crit|alert|emerg)\]/)) =~
        s/.*worker process \d+ exited on signal 9\n?//r, '',
    'nothing else an operator has to look at';
done_testing;
