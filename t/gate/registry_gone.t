# The registry goes away under a running nginx: 503 with Retry-After, never a
# 401 that would make clients throw their keys away, until it is back.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

use File::Path qw(remove_tree);

my $dir = "$HXGate::Dir/registry";

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
my $key = $HXGate::Key{acme};
my $server = HXGate::Server->new(
    workers => 2, listen => 'reuseport', config => HXGate::config()
    . 'add_header X-Worker $pid always;')->start;

sub get {
    my ($key) = @_;
    return $server->request('GET', '/v1/list/prod', key => $key);
}

sub unavailable {
    my ($name) = @_;

    $server->all_answer(503);

    my $r = $server->request('GET', '/ready');
    is "$r->{json}{error}: $r->{json}{detail}",
        'unavailable: Tenant registry is unavailable', "$name: not ready";
    is $server->request('GET', '/health')->{status}, 200, "$name: but alive";

    for my $case ([ 'a tenant', $key ], [ 'a stranger', HXGate::unknown_key() ])
    {
        $r = get($case->[1]);
        is "$r->{status} $r->{json}{error}: $r->{json}{detail}",
            '503 unavailable: Service is temporarily unavailable',
            "$name: $case->[0]";
        is $r->{headers}{'retry-after'}, 1, "$name: $case->[0] may come again";
        is $r->{headers}{'www-authenticate'}, undef,
            "$name: $case->[0] is not asked for another key";
    }

    is get('hx_live_' . 'x' x 49)->{status}, 401,
        "$name: what cannot be a key needs no registry";

    for my $call ([ 'onboard/create', { tenant_id => 'new' } ],
                  [ 'onboard/rotate-key', { tenant_id => 'acme' } ],
                  [ 'admin/tenants' ], [ 'admin/tenants/acme' ])
    {
        $r = $server->admin(@$call);
        is "$r->{status} $r->{json}{error}", '503 unavailable',
            "$name: $call->[0]";
        is $r->{headers}{'retry-after'}, 1, "$name: $call->[0], come again";
    }
    is $server->admin('admin/tenants', undef, service => 0)->{status}, 401,
        "$name: without the service key";

    ok scalar($server->logged(qr/\[crit\].*hx_gate: registry "\Q$dir\E"/)),
        "$name: the log names it";
}

sub available {
    my ($name) = @_;
    $server->all_answer(200);
    is get($key)->{status}, 200, "$name: a tenant";
    is get(HXGate::unknown_key())->{status}, 401, "$name: a stranger";
    is $server->admin('admin/tenants/new')->{status}, 404,
        "$name: what was refused was not done";
    is $server->admin('onboard/suspend', { tenant_id => 'acme' })->{status},
        200, "$name: operators can change things";
    is get($key)->{status}, 403, "$name: and it counts";
    $server->admin('onboard/activate', { tenant_id => 'acme' });
}

available('at first');

rename $dir, "$dir.away" or die $!;
unavailable('directory away');
rename "$dir.away", $dir or die $!;
available('directory back');

rename "$dir/data.mdb", "$dir/data.away" or die $!;
unavailable('data file away');
rename "$dir/data.away", "$dir/data.mdb" or die $!;
available('data file back');

# something empty in its place is not it
rename $dir, "$dir.away" or die $!;
mkdir $dir or die $!;
HXGate::give($dir);
unavailable('an empty directory in its place');
remove_tree($dir);
rename "$dir.away", $dir or die $!;
available('the right one again');

# nor for workers that start meanwhile
rename $dir, "$dir.away" or die $!;
mkdir $dir or die $!;
HXGate::give($dir);
$server->reload;
unavailable('an empty directory, and a reload');
remove_tree($dir);
rename "$dir.away", $dir or die $!;
available('the right one again, after the reload');

# an older copy of the data file beside the lock file of the newer one: each
# worker lets go, and who opens it alone makes the lock file fit
system('cp', '-p', "$dir/data.mdb", "$dir/copy") == 0 or die;
HXGate::create($server->{port}, { tenant_id => 'late', namespaces => ['prod'] });
is get($HXGate::Key{late})->{status}, 200, 'a tenant that the copy lacks';
rename "$dir/copy", "$dir/data.mdb" or die $!;
my %wrong;
$server->all_answer(401, sub {
    my $status = get($key)->{status};
    $wrong{$status}++ if $status !~ /^(?:200|503)$/;
    return get($HXGate::Key{late});
});
is join(' ', %wrong), '', 'a restored copy: never half of it';
available('a restored copy');

is $server->stop, 0, 'nginx ends well';
is join("\n", $server->logged(qr/\[(?:alert|emerg)\]|exited on signal/)), '',
    'and no worker died';
done_testing;
