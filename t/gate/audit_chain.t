# "chain": whatever happens to nginx, the trail it leaves is whole, and says
# where it begins, goes on and ends; whatever is done to the trail shows.
# (hx-audit itself: t/e2e/test_hx_audit.py)
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;
use Errno qw(ENOSPC);

use strict;
use warnings;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
my $key = $HXGate::Key{acme};

my $tool = $ENV{HX_AUDIT} // "$HX::Top/build/hx-audit";
my $library = $ENV{HX_DISK_FAULT_LIB}
    // "$HX::Top/build/release/hx_disk_fault.so";
my $fault = "$HXGate::Dir/fault";
my $secret = "$HXGate::Dir/audit.key";
HXGate::spew($secret, join '', map { chr 33 + rand 90 } 1 .. 40);
my $pem = "$HXGate::Dir/audit.pem";
system("openssl genpkey -algorithm ed25519 -out '$pem' && "
       . "openssl pkey -in '$pem' -pubout -out '$pem.pub'") == 0 or die;

my $n = 0;
sub get {
    my ($server, $times) = @_;
    for (1 .. $times) {
        my $r = $server->request('GET', '/v1/get/prod/k', key => $key,
            headers => ['X-Request-Id', 'c-' . ++$n]);
        is $r->{status}, 200, 'a request' if $r->{status} != 200;
    }
}

# nginx has ended them all: what it is at when it is killed may have no record
sub ended {
    HXGate::wait_for('the last records', sub {
        my $all = join '', map { HXGate::slurp($_) } files();
        return !grep { index($all, "\"c-$_\"") < 0 } 1 .. $n;
    });
}

# oldest first
sub files {
    return map { $_->[1] } sort { $a->[0] <=> $b->[0] }
        map { [/\.(\d+)$/ ? $1 : 1e9, $_] } glob "$HXGate::Audit*";
}

sub verify {
    my ($with, @files) = @_;
    my $out = qx('$tool' verify $with --json @{[map { "'$_'" } @files]} 2>&1);
    return ($? >> 8, $out);
}

# all of it fits together, and has one record of each request
sub good {
    my ($name, $with) = @_;
    my ($code, $out) = verify($with, files());
    is $code, 0, "$name: verified" or diag $out;
    my %there;
    $there{$_->{request_id}}++ for grep { !$_->{checkpoint} }
        map { HXGate::audit(0, $_) } files();
    is scalar(keys %there), $n, "$name: all records";
    is scalar(grep { $_ != 1 } values %there), 0, "$name: none twice";
}

sub kinds {
    my %kinds;
    $kinds{$_->{checkpoint}}++ for grep { $_->{checkpoint} }
        map { HXGate::audit(0, $_) } files();
    return \%kinds;
}

sub begin {
    my ($options, %o) = @_;
    unlink files();
    $n = 0;
    return HXGate::Server->new(workers => 2, listen => 'reuseport',
        env => { LD_PRELOAD => $library, HX_DISK_FAULT => $fault,
                 HX_DISK_FAULT_PATH => $HXGate::Audit },
        http => HXGate::http_config(audit => "$HXGate::Audit flush=10ms "
                                    . "chain node=web-1 $options"), %o)->start;
}

my $serial = 0;
sub rotate {
    my ($server) = @_;
    $server->rotate($HXGate::Audit, "$HXGate::Audit." . ++$serial);
}

for my $how (['a secret', "key=$secret", "--key '$secret'"],
             ['Ed25519', "key=$pem durability=write", "--key '$pem.pub'"],
             ['fsync', "key=$pem durability=fsync extended",
              "--key '$pem.pub'"])
{
    my ($name, $options, $with) = @$how;
    my $server = begin("$options checkpoint=7 interval=60s");

    get($server, 40);
    my ($first) = HXGate::slurp($HXGate::Audit) =~ /^(.*)$/m;
    like $first, qr/^\{"ts":"[^"]+","checkpoint":"begin","node":"web-1",
        "lost":0,"key":"[a-z0-9-]+:[0-9a-f]{16}","writer":"[0-9a-f]{16}",
        "seq":1,"hash":"[0-9a-f]{64}","sig":"[0-9a-f]{64,128}"\}$/x,
        "$name: it begins with a checkpoint";
    my ($record) = HXGate::slurp($HXGate::Audit) =~ /^(.*"c-1".*)$/m;
    like $record, qr/,"request_id":"c-1".*,"writer":"[0-9a-f]{16}","seq":\d+,
        "hash":"[0-9a-f]{64}"\}$/x, "$name: a record";

    rotate($server);
    get($server, 30);
    $server->reload;
    get($server, 20);
    rotate($server);
    rotate($server);

    # one worker, killed; the one that takes its place goes on
    ended();
    my ($victim, $other) = $server->pids;
    kill 'KILL', $victim;
    HXGate::wait_for('another worker', sub {
        my @pids = $server->pids;
        return @pids == 2 && !grep { $_ == $victim } @pids;
    });
    get($server, 30);
    is $server->stop, 0, "$name: nginx ends";
    good("$name, in one life", $with);

    # all of it, killed; the next one goes on
    $server->start;
    get($server, 20);
    ended();
    my @pids = ($server->{pid}, $server->pids);
    kill 'KILL', @pids;
    waitpid $server->{pid}, 0;
    HXGate::wait_for('the end of all', sub { !grep { kill 0, $_ } @pids });
    $server->start;
    get($server, 20);
    is $server->stop, 0, "$name: nginx ends again";
    good("$name, killed and started", $with);

    my $kinds = kinds();
    is_deeply [grep { !$kinds->{$_} } qw(begin mark rotate open resume end)],
        [], "$name: checkpoints of all kinds";
    is $kinds->{gap}, undef, "$name: but none of a gap";

    # somebody else's key, and no key
    is((verify("--key '$HXGate::ServiceKey.none'", files()))[0], 2,
       "$name: no such key");
    HXGate::spew("$HXGate::Dir/other.key", 'x' x 32);
    my ($code, $out) = verify("--key '$HXGate::Dir/other.key'", files());
    is $code, 1, "$name: another key";
    like $out, qr/signature/, "$name: why";

    # a change anywhere shows
    my @files = files();
    my $victim_file = $files[1];
    my $text = HXGate::slurp($victim_file);
    (my $changed = $text) =~ s/"status":200/"status":201/ or die;
    HXGate::spew($victim_file, $changed);
    ($code, $out) = verify($with, @files);
    is $code, 1, "$name: a changed record";
    like $out, qr/edit/, "$name: by name";
    HXGate::spew($victim_file, $text);
}

# time, where there are few records
{
    my $server = begin("key=$secret checkpoint=1000 interval=100ms");
    get($server, 1);
    HXGate::wait_for('a checkpoint', sub { kinds()->{mark} });
    pass 'interval: a checkpoint';
    is kinds()->{mark}, 1, 'interval: but none when there is nothing new';
    is $server->stop, 0, 'interval: nginx ends';
    good('interval', "--key '$secret'");
}

# what could not be kept is told in the trail itself
{
    my $server = begin("key=$secret buffer=16k durability=write",
                       workers => 1);
    get($server, 5);
    HXGate::spew($fault, 'w ' . ENOSPC);
    chmod 0644, $fault;
    get($server, 100);
    unlink $fault;
    HXGate::wait_for('the rest', sub {
        my $before = $n;
        get($server, 1);
        return HXGate::slurp($HXGate::Audit) =~ /"c-$n"/;
    });
    is $server->stop, 0, 'a gap: nginx ends';
    my ($code, $out) = verify("--key '$secret'", files());
    is $code, 0, 'a gap: verified' or diag $out;
    my $kinds = kinds();
    is $kinds->{gap}, 1, 'a gap: a checkpoint';
    my ($gap) = grep { ($_->{checkpoint} // '') eq 'gap' }
        HXGate::audit(0);
    my $there = grep { !$_->{checkpoint} } HXGate::audit(0);
    is $there + $gap->{lost}, $n, 'a gap: with the number';
}

# without shared memory that outlives nginx a kill cuts the chain, and it shows
{
    my $server = begin("key=$secret", http => HXGate::http_config(
        zone => 'gate 1m state=off',
        audit => "$HXGate::Audit flush=10ms chain key=$secret"));
    get($server, 10);
    HXGate::audit(10);
    my @pids = ($server->{pid}, $server->pids);
    kill 'KILL', @pids;
    waitpid $server->{pid}, 0;
    HXGate::wait_for('the end of all', sub { !grep { kill 0, $_ } @pids });
    $server->start;
    get($server, 5);
    is $server->stop, 0, 'a cut: nginx ends';
    my ($code, $out) = verify("--key '$secret'", files());
    is $code, 1, 'a cut: it shows';
    like $out, qr/truncate/, 'a cut: as a chain without an end';
}

done_testing;
