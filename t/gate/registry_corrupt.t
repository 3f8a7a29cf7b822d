# Damage in the registry: a file that is none, a record with a flipped byte, an
# index that leads nowhere.  503 and a line for the operator; never a stranger
# let in, never a tenant told 401, and nobody else hurt.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

my $dir = "$HXGate::Dir/registry";

HXGate::upstream();
HXGate::tenants(map { { tenant_id => $_, namespaces => ['prod'] } }
                qw(acme bolt cold));

sub serve {
    return HXGate::Server->new(name => $_[0], workers => 2)->start;
}

sub refused {
    my ($name, $r) = @_;
    is "$r->{status} $r->{json}{error}", '503 unavailable', $name;
}

sub get {
    my ($server, $key) = @_;
    return $server->request('GET', '/v1/list/prod', key => $key);
}

sub ends_well {
    my ($name, $server) = @_;
    is $server->stop, 0, "$name: nginx ends well";
    is join("\n", $server->logged(
        qr/\[(?:alert|emerg)\]|exited on signal|exited with code [^0]/)), '',
        "$name: no worker died";
}

# Runs a change of data.mdb on a copy of the good registry.
system('cp', '-rp', $dir, "$dir.good") == 0 or die;

sub damage {
    my ($change) = @_;
    system("rm -rf '$dir' && cp -rp '$dir.good' '$dir'") == 0 or die;
    unlink "$dir/lock.mdb";
    my $data = HXGate::slurp("$dir/data.mdb");
    $data = $change->($data);
    HXGate::spew("$dir/data.mdb", $data) if defined $data;
}

my $page = sub { join '', map { chr rand 256 } 1 .. $_[0] };

# not a registry at all
for my $case (
    [ 'text',            sub { "tenants: acme\n" x 5000 } ],
    [ 'noise',           sub { $page->(65536) } ],
    [ 'zeros',           sub { "\0" x 65536 } ],
    [ 'one line',        sub { "x\n" } ],
    [ 'the first bytes', sub { substr $_[0], 0, 100 } ],
    [ 'noise in front',  sub { $page->(8192) . substr $_[0], 8192 } ],
    [ 'another LMDB',    sub {
        system("rm -rf '$dir.x'; mkdir '$dir.x'; printf 'a\\nb\\n' "
               . "| mdb_load -T -s tenants '$dir.x'") == 0 or die;
        HXGate::slurp("$dir.x/data.mdb") } ],
) {
    my ($name, $change) = @$case;
    damage($change);

    my $server = serve('none');
    refused("$name: a tenant", get($server, $HXGate::Key{acme}));
    refused("$name: a stranger", get($server, HXGate::unknown_key()));
    refused("$name: create", $server->admin('onboard/create',
                                            { tenant_id => 'new' }));
    refused("$name: list", $server->admin('admin/tenants'));
    refused("$name: ready", $server->request('GET', '/ready'));
    is $server->request('GET', '/health')->{status}, 200, "$name: alive";
    ok scalar($server->logged(
        qr/\[crit\].*hx_gate: registry "\Q$dir\E" cannot be opened/)),
        "$name: the log says so";
    ends_well($name, $server);
}

# the right file, with something wrong in it
my $n = 0;
sub flip {
    my ($re, $offset, $xor) = @_;
    return sub {
        my ($data) = @_;
        # every version of the page that is in the file
        my @at;
        push @at, $-[0] + $offset while $data =~ /$re/g;
        $n = @at;
        substr($data, $_, 1) ^= chr($xor // 0x20) for @at;
        return $data;
    };
}

# where record and key of a tenant lie: "HT", version 1, and its name inside
for my $case (
    [ 'version',      flip(qr/HT\x01.(?=.{44,140}?starterbolt)/s, 2) ],
    [ 'status',       flip(qr/HT\x01.(?=.{44,140}?starterbolt)/s, 3, 1) ],
    [ 'checksum',     flip(qr/HT\x01.(?=.{44,140}?starterbolt)/s, 5) ],
    [ 'plan',         flip(qr/starterbolt/, 1) ],
    [ 'name',         flip(qr/starterbolt/, 8) ],
    [ 'namespace',    flip(qr/starterbolt\x04prod/, 13) ],
    [ 'lengths',      flip(qr/HT\x01.(?=.{44,140}?starterbolt)/s, 42, 2) ],
) {
    my ($name, $change) = @$case;
    damage($change);
    cmp_ok $n, '>=', 1, "$name: found it to flip a bit";

    my $server = serve('flip');
    my $r = get($server, $HXGate::Key{bolt});
    refused("$name: the tenant", $r);
    is $r->{json}{detail}, 'Service is temporarily unavailable',
        "$name: tells a client nothing";
    is get($server, $HXGate::Key{acme})->{status}, 200, "$name: the others";
    is get($server, HXGate::unknown_key())->{status}, 401,
        "$name: a stranger";

    for my $call ([ 'onboard/rotate-key', { tenant_id => 'bolt' } ],
                  [ 'onboard/suspend', { tenant_id => 'bolt' } ],
                  [ 'admin/tenants/bolt' ])
    {
        refused("$name: $call->[0]", $server->admin(@$call));
    }
    is $server->admin('onboard/suspend', { tenant_id => 'cold' })->{status},
        200, "$name: changes of others";
    is get($server, $HXGate::Key{cold})->{status}, 403, "$name: count";
    ok scalar($server->logged(qr/\[crit\].*hx_gate: .*tenant "bolt".*damaged/)),
        "$name: the log names the tenant";
    ends_well($name, $server);
}

# an index entry that leads to nobody
damage(sub { undef });
{
    my $server = serve('gone');
    $server->stop;
    system("mdb_dump -s tenants '$dir' >'$dir.dump'") == 0 or die;
    my @dump = split /\n/, HXGate::slurp("$dir.dump");
    my $bolt = unpack 'H*', 'bolt';
    my ($at) = grep { $dump[$_] eq " $bolt" } 0 .. $#dump;
    splice @dump, $at, 2;
    HXGate::spew("$dir.dump", join "\n", @dump, '');
    system("{ mdb_dump -s keys '$dir' >'$dir.keys' && mdb_dump -s meta '$dir' "
           . ">'$dir.meta' && rm -f '$dir'/*.mdb && mdb_load -f '$dir.keys' "
           . "-s keys '$dir' && mdb_load -f '$dir.meta' -s meta '$dir' && "
           . "mdb_load -f '$dir.dump' -s tenants '$dir'; } "
           . "2>'$dir.err'") == 0 or die;
    HXGate::give($_) for glob "$dir/*.mdb";

    $server = serve('gone');
    refused('no record: the tenant', get($server, $HXGate::Key{bolt}));
    is get($server, $HXGate::Key{acme})->{status}, 200, 'no record: others';
    is $server->admin('admin/tenants/bolt')->{status}, 404,
        'no record: nobody there';
    ends_well('no record', $server);
}

# replaced by noise while nginx runs
damage(sub { undef });
{
    my $server = serve('while');
    is get($server, $HXGate::Key{acme})->{status}, 200, 'a good one';
    HXGate::spew("$dir/new", $page->(65536));
    HXGate::give("$dir/new");
    rename "$dir/new", "$dir/data.mdb" or die $!;
    HXGate::wait_for('the noise to be noticed', sub {
        20 == grep { $server->request('GET', '/ready')->{status} == 503 }
            1 .. 20;
    });
    refused('noise while it runs', get($server, $HXGate::Key{acme}));
    ends_well('noise while it runs', $server);
}

# emptied: not a registry without tenants, before which all are strangers
damage(sub { '' });
{
    my $server = serve('empty');
    refused('emptied: a tenant', get($server, $HXGate::Key{acme}));
    refused('emptied: a stranger', get($server, HXGate::unknown_key()));
    ok scalar($server->logged(qr/\[crit\].*tenant in it/)),
        'emptied: the log says so';
    ends_well('emptied', $server);
}

done_testing;
