# Credentials reach no variable, so no log format can hold them, whatever became
# of the request; answers that show a key are not to be stored.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;

HXGate::upstream();

my $Log = "$HXGate::Dir/access.log";
my $Server = HXGate::Server->new(http => HXGate::http_config() . <<'EOC'
    log_format all '$status k=$http_x_api_key a=$http_authorization '
                   't=$http_x_hx_tenant u=$http_x_api_key r=$remote_user';
EOC
    , config => HXGate::config() . "access_log $Log all;")->start;

my $r = $Server->admin('onboard/create',
                       { tenant_id => 'acme', namespaces => ['prod'] });
is($r->{status}, 201, 'created');
is($r->{headers}{'cache-control'}, 'no-store', 'the answer is not stored');
my $Key = $r->{json}{api_key};

for my $case ([200, '/v1/get/prod/k'], [403, '/v1/get/other/k'],
              [400, '/v1/get/prod/%00'], [404, '/v1/none'],
              [405, '/v1/put'])
{
    my ($status, $target) = @$case;
    is($Server->request('GET', $target, key => $Key)->{status}, $status,
       "X-Api-Key, $status");
    is($Server->request('GET', $target,
                        headers => [Authorization => "Bearer $Key"])
           ->{status}, $status, "Authorization, $status");
}
is($Server->request('POST', '/v1/put', key => $Key,
                    headers => ['Content-Length', 999_999_999])->{status},
   413, 'refused by nginx before the gate ran');
is($Server->request('GET', '/v1/get/prod/k',
                    headers => [Authorization => "Bearer $Key",
                                'X-Api-Key', "$Key "x2])->{status},
   401, 'a bad key');

$r = $Server->admin('onboard/rotate-key', { tenant_id => 'acme' });
is($r->{headers}{'cache-control'}, 'no-store', 'nor a rotation\'s');
is($Server->stop, 0, 'nginx stops');

my $log = HXGate::slurp($Log);
cmp_ok(scalar(() = $log =~ /\n/g), '>=', 14, 'all were logged');
unlike($log, qr/\Q$Key\E/, 'no API key in the access log');
unlike($log, qr/\Q$HXGate::ServiceKey\E/, 'no service key either');
is(join(' ', grep { !/ k=- a=- t=(?:-|acme) u=- r=-$/ } split /\n/, $log), '',
   'nothing of them at all');
done_testing();
