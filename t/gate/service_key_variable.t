# $hx_gate_service_key goes where the gate is on and nowhere else: not where an
# error_page, a subrequest or shadow mode has left it behind.

use strict;
use warnings;

use lib 't/lib';
use HX;
use HXGate;
use Test::More;

HXGate::upstream();

my $up = HX::port(1);
my $server = HXGate::Server->new(config => <<"EOC");
    hx_gate_operations hx-sdp;
    proxy_set_header Authorization "Bearer \$hx_gate_service_key";
    location /v1/ {
        hx_gate on; proxy_intercept_errors on; error_page 404 = \@other;
        proxy_pass http://127.0.0.1:$up;
    }
    location /v1/get/ { hx_gate on; try_files /none \@shadow; }
    location /v1/delete/ {
        hx_gate on; mirror /mirror; proxy_pass http://127.0.0.1:$up;
    }
    location \@other {
        rewrite ^ /other break; proxy_pass http://127.0.0.1:$up;
    }
    location \@shadow { hx_gate shadow; proxy_pass http://127.0.0.1:$up; }
    location = /mirror { internal; proxy_pass http://127.0.0.1:$up/mirror; }
    location /gate/ { hx_gate_admin; }
EOC
$server->start;
HXGate::create($server->{port}, { tenant_id => 'acme' });

# Authorization of each request the upstream was sent, by target.
sub sent {
    my ($method, $target) = @_;
    HXGate::upstream_forget();
    my $r = $server->request($method, $target, key => $HXGate::Key{acme});
    my %auth = map { $_->{target} => HXGate::sent($_, 'authorization') }
        grep { ref } HXGate::upstream_log();
    return ($r->{status}, \%auth);
}

my $bearer = "Bearer $HXGate::ServiceKey";
my ($status, $auth) = sent('GET', '/v1/list/default');
is_deeply $auth, { '/v1/list/default' => $bearer }, 'where the gate is on';

($status, $auth) = sent('GET', '/v1/list/default?_status=404');
is $auth->{'/v1/list/default?_status=404'}, $bearer, 'the same, 404';
is_deeply [grep { /^\/other/ } keys %$auth], ['/other?_status=404'],
    'error_page leads on';
is $auth->{'/other?_status=404'}, 'Bearer ', 'without it';

($status, $auth) = sent('GET', '/v1/get/default/k');
is_deeply $auth, { '/v1/get/default/k' => 'Bearer ' }, 'not into shadow';

($status, $auth) = sent('DELETE', '/v1/delete/default/k');
HXGate::wait_for('the mirror', sub {
    return 2 == grep { ref } HXGate::upstream_log();
});
my %by = map { $_->{target} => HXGate::sent($_, 'authorization') }
    grep { ref } HXGate::upstream_log();
is_deeply \%by, { '/v1/delete/default/k' => $bearer, '/mirror' => 'Bearer ' },
    'not into a subrequest that the gate does not guard';

$server->stop;
done_testing;
