# When records reach the file: after flush=, when the buffer is full, before a
# rotation, when a worker ends -- and always in whole lines.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
my $key = $HXGate::Key{acme};

sub serve {
    my ($options, %o) = @_;
    unlink $HXGate::Audit;
    return HXGate::Server->new(
        http => HXGate::http_config(audit => "$HXGate::Audit $options"), %o)
        ->start;
}

sub get {
    my ($server, $n) = @_;
    $server->request('GET', "/v1/get/prod/k$_", key => $key) for 1 .. $n;
}

sub size { return -s $HXGate::Audit // 0 }

# every line whole, $n of them, nothing behind the last
sub whole {
    my ($name, $n) = @_;
    my $text = HXGate::slurp($HXGate::Audit);
    my @bad = grep { !/^\{"ts":"[^"]*",.*,"request_id":"[^"]*"\}$/ }
        split /\n/, $text, -1;
    is join('|', @bad), '', "$name: whole lines" if pop(@bad) // '' ne '';
    is $text =~ tr/\n//, $n, "$name: all of them";
}

# by time
my $server = serve('flush=300ms');
my $t = Time::HiRes::time();
get($server, 3);
my $took = Time::HiRes::time() - $t;
my $early = size();
HXGate::audit(3);
my $waited = Time::HiRes::time() - $t;
ok $early == 0 || $took > 0.25, 'not before the time';
cmp_ok $waited, '>=', 0.25, 'after the time';
get($server, 1);
HXGate::audit(4);
pass 'the timer is set anew';
$server->stop;

# by size: 16 KiB hold about 90 records
$server = serve('flush=60s buffer=16k');
get($server, 60);
is size(), 0, 'a buffer that is not full waits';
get($server, 60);
cmp_ok size(), '>', 8192, 'a full one does not';
cmp_ok size(), '<=', 16384, 'one buffer was written';
my $n = HXGate::slurp($HXGate::Audit) =~ tr/\n//;
whole('a full buffer', $n);

# USR1: what waited goes to the file as it was
rename $HXGate::Audit, "$HXGate::Audit.old" or die $!;
$server->signal('USR1');
HXGate::wait_for('the rest', sub {
    (HXGate::slurp("$HXGate::Audit.old") =~ tr/\n//) == 120;
});
pass 'before a rotation: all';
get($server, 1);
is $server->stop, 0, 'nginx ends well';
whole('what came after is in the new file', 1);

# the end of a worker
for my $signal ('QUIT', 'TERM') {
    $server = serve('flush=60s', workers => 2);
    get($server, 20);
    is size(), 0, "$signal: not yet";
    $server->stop($signal);
    whole($signal, 20);
}

$server = serve('flush=60s');
get($server, 20);
$server->reload;
HXGate::wait_for('the old worker', sub { size() });
whole('reload', 20);
$server->stop;

# many workers, one file
$server = serve('flush=5ms', workers => 4);
my @conn = map { HXGate::connect_to($server->{port}) } 1 .. 12;
my $text = HXGate::request_text('GET', '/v1/get/prod/' . 'k' x 200,
                                key => $key, keepalive => 1);
for (1 .. 25) {
    HXGate::send_all($_, $text) for @conn;
    for my $s (@conn) {
        my $rest = '';
        HXGate::response($s, \$rest);
    }
}
close $_ for @conn;
is $server->stop, 0, 'four workers: nginx ends well';
whole('four workers', 300);

# two files
my $second = "$HXGate::Dir/second.jsonl";
$server = serve('flush=60s', config => HXGate::config(
    gate => "hx_gate_audit_log $second flush=60s;"));
get($server, 5);
$server->admin('admin/tenants');
is $server->stop, 0, 'two files: nginx ends well';
whole('two files: the first', 1);
is HXGate::slurp($second) =~ tr/\n//, 5, 'two files: the second';

done_testing;
