# nginx -t names directives that hand a credential on, keep it, write it down, or
# take the place of what the gate gives a request.
use lib 't/lib'; use HX; use HXConf; use HXGate;
use Test::More;

use strict;
use warnings;

my $pass = 'proxy_pass http://127.0.0.1:1;';

# The way on of the module whose directive stands first.
sub way_of {
    my ($line) = @_;
    return $line =~ /^(grpc|fastcgi|uwsgi|scgi)_/ ? "${1}_pass 127.0.0.1:1;"
        : $pass;
}

# A gated location with this line in it.
sub line {
    my ($line, $mode) = @_;
    $mode //= 'on';
    return (server => "hx_gate_operations hx-sdp;\nlocation /v1/ {\n"
            . "hx_gate $mode;\n$line\n" . way_of($line) . "\n}", at => $line);
}

# The same line in the server.
sub around {
    my ($line) = @_;
    return (server => "hx_gate_operations hx-sdp;\n$line\n"
            . 'location /v1/ { hx_gate on; ' . way_of($line) . ' }', at => $line);
}

sub off {
    my ($line) = @_;
    return (server => "hx_gate_operations hx-sdp;\n"
            . "location /v1/ { hx_gate on; $pass }\n"
            . "location /other/ {\n$line\nproxy_pass http://127.0.0.1:2; }",
            at => $line);
}

# a client's credential for the engine
my $hands = sub { qq("$_[0]" hands a client's credential on where "hx_gate" is )
                  . 'on: the engine gets the service key and nothing else' };
for my $case (['proxy_set_header X-Api-Key', '$http_x_api_key'],
              ['proxy_set_header Authorization', '$http_authorization'],
              ['proxy_set_header X-Old', '"Key ${http_x_api_key}; v=1"'],
              ['grpc_set_header x-api-key', '$http_x_api_key'],
              ['fastcgi_param HTTP_AUTHORIZATION', '$http_authorization'],
              ['uwsgi_param HTTP_X_API_KEY', '$http_x_api_key'],
              ['scgi_param KEY', '$http_x_api_key'])
{
    my ($what, $value) = @$case;
    conf_bad("$what $value", $hands->($what), line("$what $value;"));
    conf_bad("$what $value, inherited", $hands->($what),
             around("$what $value;"));
    conf_good("$what $value in a shadow, which changes nothing",
              line("$what $value;", 'shadow'));
    conf_good("$what $value where the gate is off", off("$what $value;"));
}
conf_good('another header', line('proxy_set_header X-Cookie $http_cookie;'));
conf_good('a longer name',
          line('proxy_set_header X-Old $http_x_api_key_id;'));
conf_good('for other ways on', server => <<"EOC");
hx_gate_operations hx-sdp;
proxy_set_header X-Api-Key \$http_x_api_key;
fastcgi_param HTTP_X_API_KEY \$http_x_api_key;
hx_gate on;
location /v1/ { grpc_pass grpc://127.0.0.1:1; }
location = /gone { return 410; }
location /v1/get/ { proxy_set_header Host engine; $pass }
EOC
conf_good('not inherited', server => <<"EOC");
hx_gate_operations hx-sdp;
proxy_set_header X-Api-Key \$http_x_api_key;
location /v1/ { hx_gate on; proxy_set_header Host engine; $pass }
EOC

# what the gate sets
my $key = sub { qq("$_[0]" takes the place of the service key where "hx_gate" )
                . 'is on: the engine would refuse every request' };
conf_warn('another Authorization',
          $key->('proxy_set_header Authorization'),
          line('proxy_set_header Authorization "Bearer other";'));
conf_warn('no Authorization', $key->('proxy_set_header authorization'),
          line('proxy_set_header authorization "";'));
conf_warn('of FastCGI', $key->('fastcgi_param HTTP_AUTHORIZATION'),
          line('fastcgi_param HTTP_AUTHORIZATION "";'));
conf_good('the service key', line('proxy_set_header Authorization '
                                  . '"Bearer $hx_gate_service_key";'));
conf_good('another Authorization where the gate is off',
          off('proxy_set_header Authorization "Bearer other";'));

my $other = sub { qq("$_[0]" takes the place of what "hx_gate" has found out: )
                  . 'the engine would act for another tenant or namespace' };
for my $case (['proxy_set_header X-HX-Tenant', '$arg_tenant'],
              ['proxy_set_header x-hx-tenant', '""'],
              ['proxy_set_header X_HX_Tenant', 'acme'],
              ['proxy_set_header X-HX-Namespace', '$http_x_hx_namespace'],
              ['grpc_set_header X-HX-Tenant', '"$hx_gate_tenant$arg_x"'],
              ['fastcgi_param HTTP_X_HX_TENANT', '$remote_user'],
              ['scgi_param HTTP_X_HX_NAMESPACE', 'one'])
{
    my ($what, $value) = @$case;
    conf_bad("$what $value", $other->($what), line("$what $value;"));
    conf_good("$what $value in a shadow", line("$what $value;", 'shadow'));
    conf_good("$what $value where the gate is off", off("$what $value;"));
}
conf_good('the tenant of the gate', line('proxy_set_header X-HX-Tenant '
    . '$hx_gate_tenant; proxy_set_header X-HX-Namespace '
    . '"${hx_gate_namespace}";'));
conf_good('another header of the tenant',
          line('proxy_set_header X-Tenant $arg_tenant;'));
conf_good('a parameter that is no header',
          line('fastcgi_param X_HX_TENANT $arg_tenant;'));

my $id = '"proxy_set_header X-Request-ID" takes the place of the gate\'s request '
    . 'id: what the engine logs cannot be found in the audit trail';
conf_warn("nginx's request id", $id,
          line('proxy_set_header X-Request-ID $request_id;'));
conf_good("the gate's request id",
          line('proxy_set_header X-Request-ID $hx_gate_request_id;'));

for my $who (qw(proxy fastcgi uwsgi scgi)) {
    conf_warn("$who: no headers", qq("${who}_pass_request_headers off" drops )
              . 'the service key, tenant and namespace that "hx_gate" adds',
              line("${who}_pass_request_headers off;"));
    conf_good("$who: no headers where the gate is off",
              off("${who}_pass_request_headers off;"));
}
conf_good('no headers but ours', line('proxy_pass_request_headers off; '
    . 'proxy_set_header Authorization "Bearer $hx_gate_service_key"; '
    . 'proxy_set_header X-HX-Tenant $hx_gate_tenant; '
    . 'proxy_set_header X-HX-Namespace $hx_gate_namespace;'));
conf_good('headers', line('proxy_pass_request_headers on;'));

# the service key
my $out = sub { qq("$_[0]" hands the service key out: "\$hx_gate_service_key" )
                . 'is for the headers of requests to the engine only' };
for my $case (['add_header', 'add_header X-K $hx_gate_service_key;'],
              ['return', 'return 200 "${hx_gate_service_key}";'],
              ['set', 'set $k $hx_gate_service_key;'],
              ['proxy_cookie_path', 'proxy_cookie_path / /$hx_gate_service_key;'],
              ['if', 'if ($hx_gate_service_key = x) { return 403; }'])
{
    my ($what, $line) = @$case;
    conf_bad("$what with the service key", $out->($what), line($line));
    conf_bad("$what with the service key where the gate is off",
             $out->($what), off($line));
}
conf_bad('log_format with the service key', $out->('log_format'),
         http => "log_format k '\$hx_gate_service_key';");
conf_bad('map of the service key', $out->('map'),
         http => 'map $hx_gate_service_key $m { default 1; }');
conf_bad('map to the service key', $out->('default'),
         http => "map \$uri \$m {\ndefault \$hx_gate_service_key;\n}",
         at => 'default $hx');
conf_good('a name that only begins so',
          http => 'map $uri $hx_gate_service_key_name { default x; }');

conf_warn('the service key where the gate is off',
          '"$hx_gate_service_key" is always empty in location "/other/", where '
          . '"hx_gate" is off',
          off('proxy_set_header Authorization "Bearer $hx_gate_service_key";'));
conf_good('inherited there', server => <<"EOC");
hx_gate_operations hx-sdp;
proxy_set_header Authorization "Bearer \$hx_gate_service_key";
location /v1/ { hx_gate on; $pass }
location /other/ { proxy_pass http://127.0.0.1:2; }
EOC

# kept before the gate takes it away
my $keeps = sub { qq("$_[0]" keeps a client's credential before "hx_gate" can )
                  . 'take it away' };
conf_warn('set', $keeps->('set'), line('set $key $http_x_api_key;'));
conf_warn('set in the server', $keeps->('set'),
          around('set $key "<$http_authorization>";'));
conf_warn('set for the admin plane', $keeps->('set'), at => 'set $key',
          server => "location /gate/ {\nset \$key \$http_authorization;\n"
              . 'hx_gate_admin; }');
conf_warn('limit_req_zone', $keeps->('limit_req_zone'),
          http => 'limit_req_zone $http_x_api_key zone=r:1m rate=1r/s;');
conf_warn('limit_conn_zone', $keeps->('limit_conn_zone'),
          http => 'limit_conn_zone $http_x_api_key zone=c:1m;');
conf_good('set of another', line('set $key $http_user_agent;'));
conf_good('set where the gate is off', off('set $key $http_x_api_key;'));
conf_good('limit_req_zone of an address',
          http => 'limit_req_zone $binary_remote_addr zone=r:1m rate=1r/s;');

# written down
my $log = "$HXGate::Dir/access.log";
my $logs = 'the format "keys" of "access_log" has credentials of clients in it';
for my $v (qw($http_x_api_key $http_authorization ${http_stripe_signature})) {
    my $format = "log_format keys '\$status $v';\n";
    conf_warn("$v in a log", $logs, line("access_log $log keys;"),
              http => $format);
    conf_warn("$v in a log of the server", $logs,
              around("access_log $log keys buffer=16k;"), http => $format);
    conf_warn("$v in a shadow's log", $logs,
              line("access_log $log keys;", 'shadow'), http => $format);
    conf_good("$v in another format", line("access_log $log combined;"),
              http => $format);
    conf_good("$v in a log of others", off("access_log $log keys;"),
              http => $format);
}
conf_good('no log', line('access_log off;'));

# who else reads Authorization
HXGate::spew("$HXGate::Dir/users", "a:{PLAIN}b\n");
my $both = sub { qq("$_[0]" beside the gate refuses everybody: both read )
                 . '"Authorization", and the gate takes it away' };
my $users = "auth_basic_user_file $HXGate::Dir/users;";
conf_warn('auth_basic', $both->('auth_basic'), line("auth_basic x; $users"));
conf_warn('auth_basic inherited', $both->('auth_basic'),
          around("auth_basic x; $users"));
conf_warn('auth_basic for the admin plane', $both->('auth_basic'),
          server => "location /gate/ {\nauth_basic x; $users hx_gate_admin; }",
          at => 'auth_basic x');
conf_good('auth_basic off', line('auth_basic off;'));
conf_good('auth_basic elsewhere', off("auth_basic x; $users"));
conf_good('auth_basic for metrics',
          server => "location = /metrics { hx_gate_metrics; auth_basic x; "
              . "$users }");

conf_warn('names that are none', '"ignore_invalid_headers off" lets header '
          . 'names through that "hx_gate" does not know for its own, and an '
          . 'engine might', around('ignore_invalid_headers off;'));
conf_good('names that are', around('ignore_invalid_headers on;'));
conf_good('names that are none in another server', http => 'server { listen '
          . '127.0.0.1:' . HX::port(3) . '; ignore_invalid_headers off; }');

done_testing;
