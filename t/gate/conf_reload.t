# A reload takes a new configuration: another zone size, another service key,
# another registry; one that does not fit leaves everything as it was.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
my $key = $HXGate::Key{acme};
my $http = HXGate::http_config();
my $config = HXGate::config();
my $server = HXGate::Server->new(workers => 2)->start;

sub works {
    my ($name) = @_;
    my $r = $server->request('GET', '/v1/list/prod', key => $key);
    is $r->{status}, 200, "$name: a tenant";
    is HXGate::sent($r->{json}, 'Authorization'),
        "Bearer $HXGate::ServiceKey", "$name: the service key";
    is $server->admin('admin/tenants/acme')->{status}, 200,
        "$name: the admin plane";
}

works('first');
$server->reload;
works('the same');

$server->reload(http => $http =~ s/gate 1m/gate 4m/r);
works('a larger zone');
$server->reload(http => $http =~ s/gate 1m/gate 256k/r);
works('a smaller zone');
$server->reload(http => $http =~ s/gate 1m/other 1m/r);
works('a zone of another name');
$server->reload(http => $http =~ s/map_size=16m/map_size=64m/r);
works('a larger map');
$server->reload(http => $http);
works('as before');

# one that does not load
sub refused {
    my ($name, $emerg, %o) = @_;
    my @before = sort $server->pids;
    my $n = $server->logged($emerg);
    $server->write(%o);
    $server->signal('HUP');
    HXGate::wait_for($name, sub { $server->logged($emerg) > $n });
    is join(' ', sort $server->pids), "@before", "$name: nothing changed";
    works($name);
}

refused('no zone', qr/the gate needs a "hx_gate_zone"/,
        http => $http =~ s/hx_gate_zone.*//r);
refused('a registry that is gone', qr/registry directory .* is not usable/,
        http => $http =~ s{/registry}{/none}r);
refused('satisfy any', qr/"satisfy any" where "hx_gate" is on/, http => $http,
        config => "satisfy any; $config");

# a new service key is asked for, and sent, from then on
my $old = $HXGate::ServiceKey;
$HXGate::ServiceKey = 'another-' x 5;
HXGate::spew("$HXGate::Dir/service.key", $HXGate::ServiceKey);
is $server->admin('admin/tenants/acme')->{status}, 401,
    'a new service key: not before the reload';
$server->reload(config => $config);
works('a new service key');
is $server->request('GET', '/gate/admin/tenants', headers =>
                    ['Authorization', "Bearer $old"])->{status}, 401,
    'the old service key has gone';

# another registry
mkdir "$HXGate::Dir/second";
HXGate::give("$HXGate::Dir/second");
$server->reload(http => $http =~ s{/registry}{/second}r);
$server->admin('onboard/create', { tenant_id => 'other' });
is $server->request('GET', '/v1/list/prod', key => $key)->{status}, 401,
    'another registry has other tenants';
$server->reload(http => $http);
works('back again');

is $server->stop, 0, 'nginx ends well';
is join("\n", $server->logged(qr/\[(?:error|crit|alert)\]/)), '',
    'nothing an operator has to look at';
done_testing;
