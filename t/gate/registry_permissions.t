# A registry that the workers' user must not write: 503 and a line that says
# what is missing, until somebody grants it.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

my $dir = "$HXGate::Dir/registry";

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
my $key = $HXGate::Key{acme};
my $server;

for my $case (
    [ 'a directory nobody may write', sub { unlink glob "$dir/*.mdb";
                                            chmod 0555, $dir },
      sub { chmod 0755, $dir } ],
    [ 'a directory nobody may enter', sub { chmod 0000, $dir },
      sub { chmod 0755, $dir } ],
    [ 'a data file nobody may write', sub { chmod 0444, "$dir/data.mdb" },
      sub { chmod 0600, "$dir/data.mdb" } ],
    [ 'a data file nobody may read', sub { chmod 0000, "$dir/data.mdb" },
      sub { chmod 0600, "$dir/data.mdb" } ],
    [ 'a lock file nobody may write', sub { chmod 0444, "$dir/lock.mdb" },
      sub { chmod 0600, "$dir/lock.mdb" } ],
) {
    my ($name, $deny, $grant) = @$case;

    system("rm -rf '$dir.good' && cp -rp '$dir' '$dir.good'") == 0 or die;
    $deny->();
    $server = HXGate::Server->new(
        workers => 2, listen => 'reuseport', config => HXGate::config()
        . 'add_header X-Worker $pid always;')->start;

    my $r = $server->request('GET', '/v1/list/prod', key => $key);
    is "$r->{status} $r->{json}{error}", '503 unavailable', "$name: a tenant";
    $r = $server->admin('onboard/create', { tenant_id => 'new' });
    is "$r->{status} $r->{json}{error}: $r->{json}{detail}",
        '503 unavailable: Tenant registry is unavailable', "$name: create";
    is $server->admin('admin/tenants')->{status}, 503, "$name: list";
    is $server->request('GET', '/ready')->{status}, 503, "$name: ready";
    ok scalar($server->logged(qr/\[crit\].*hx_gate: registry "\Q$dir\E" cannot be opened, requests get 503: .*Permission denied/)),
        "$name: the log says what is missing";

    $grant->();
    system("cp -p '$dir.good'/*.mdb '$dir'") == 0 or die
        if !-e "$dir/data.mdb";
    $server->all_answer(200);
    is $server->request('GET', '/v1/list/prod', key => $key)->{status}, 200,
        "$name: granted, a tenant";
    is $server->admin('onboard/suspend', { tenant_id => 'acme' })->{status},
        200, "$name: granted, a change";
    $server->admin('onboard/activate', { tenant_id => 'acme' });

    is $server->stop, 0, "$name: nginx ends well";
    is join("\n", $server->logged(qr/\[(?:alert|emerg)\]|on signal/)), '',
        "$name: no worker died";
}

done_testing;
