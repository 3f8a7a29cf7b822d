# A full registry: changes get 503 and leave nothing behind, everybody who is
# in it is served; with a larger map_size it goes on.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

HXGate::upstream();
my $server = HXGate::Server->new(
    workers => 2, http => HXGate::http_config(map_size => '1m'))->start;

my @long = map { "n$_" . 'x' x 230 } 1000 .. 1255;

sub create {
    my ($id, @namespaces) = @_;
    my $r = $server->admin('onboard/create', {
        tenant_id => $id, namespaces => ['prod', @namespaces] });
    $HXGate::Key{$id} = $r->{json}{api_key};
    return $r;
}

sub status_of {
    my ($id) = @_;
    return $server->request('GET', '/v1/list/prod',
                            key => $HXGate::Key{$id})->{status};
}

is create('first')->{status}, 201, 'the first';

# until it is full
my ($n, $r) = (0);
do {
    $r = create('t' . ++$n, @long[0 .. 200]);
} while $r->{status} == 201 && $n < 1000;
$n--;
cmp_ok $n, '>', 3, "$n large tenants are in";

is "$r->{status} $r->{json}{error}: $r->{json}{detail}",
    '503 unavailable: Tenant registry is unavailable', 'the next is not';
unlike $r->{body}, qr/hx_live_/, 'and gets no key';
ok scalar($server->logged(qr/\[crit\].*hx_gate: admin call failed: .*MDB_MAP_FULL/)),
    'the log says why';

# nothing of it is there
is $server->admin('admin/tenants/t' . ($n + 1))->{status}, 404,
    'nothing was written of it';
is scalar(grep { create('again', @long[0 .. 200])->{status} != 503 } 1 .. 20),
    0, 'however often it is tried';
is $server->admin('admin/tenants?limit=1000')->{json}{count}, $n + 1,
    'the list is as it was';

# everybody else
is join(' ', map { status_of($_) } 'first', map { "t$_" } 1 .. $n),
    join(' ', (200) x ($n + 1)), 'all tenants are served';
is $server->request('GET', '/v1/list/prod', key => HXGate::unknown_key())
    ->{status}, 401, 'a stranger is a stranger';
is $server->request('GET', '/ready')->{status}, 200, 'ready';

is $server->admin('onboard/add-namespace', { tenant_id => 'first',
    namespace => 'more' })->{status}, 503, 'not even a namespace can be added';

# what takes rights away never lacks room, however often
my @left = map { "t$_" } 1 .. $n;
my %failed;
for my $round (1 .. 30) {
    for my $id (@left) {
        for my $call ('rotate-key', 'suspend', 'activate') {
            my $r = $server->admin("onboard/$call", { tenant_id => $id });
            $failed{"$call $r->{status}"}++ if $r->{status} != 200;
            $HXGate::Key{$id} = $r->{json}{api_key} if $call eq 'rotate-key';
        }
    }
}
is join(', ', %failed), '', 'keys can be rotated, tenants suspended';
is status_of($_), 200, "$_ works" for 'first', $left[-1];

# a way out
my @old = @HXGate::Key{@left};
is join(' ', map { $server->admin('onboard/delete', { tenant_id => $_ })
                       ->{status} } @left), join(' ', (200) x @left),
    'tenants can be deleted';
is join(' ', map { $server->request('GET', '/v1/list/prod', key => $_)
                       ->{status} } @old), join(' ', (401) x @left),
    'they are out';
is create('small')->{status}, 201, 'there is room again';
is status_of('small'), 200, 'and it works';

do {
    $r = create('u' . ++$n, @long[0 .. 200]);
} while $r->{status} == 201 && $n < 1000;
is $r->{status}, 503, 'full again';
$server->reload(http => HXGate::http_config(map_size => '4m'));
is create('more', @long[0 .. 200])->{status}, 201, 'more with a larger map';
is status_of('more'), 200, 'who works';
is status_of('first'), 200, 'as does the first';

is $server->stop, 0, 'nginx ends well';
is join("\n", $server->logged(qr/\[(?:alert|emerg)\]|exited on signal/)), '',
    'and no worker died';
done_testing;
