# Canaries: every secret there is bears a mark of its own, every error path is
# walked, and then no log, metric, dump, error body or file on the disk has one.
use lib 't/lib'; use HX; use HXGate; use HXBlock; use HXH2; use HXStripe;
use Test::More;
use Errno qw(ENOSPC);
use File::Find ();

use strict;
use warnings;

my $serial = 0;
my %canary;             # mark => what it is a mark of

# random letters that stand nowhere by accident
sub canary {
    my ($what, $text) = @_;
    $text //= join '', 'Canary', ++$serial, map { ('a' .. 'z')[rand 26] } 1 .. 40;
    $canary{$text} = $what;
    return $text;
}

$HXGate::ServiceKey = canary('service key');
HXGate::spew("$HXGate::Dir/service.key", "$HXGate::ServiceKey\n");
HXGate::spew("$HXGate::Dir/audit.key", canary('audit key'));
$HXStripe::Secret = canary('a webhook secret');
HXGate::spew("$HXGate::Dir/webhook.key", "$HXStripe::Secret\n");
my $other = canary('another webhook secret');
chmod 0600, map { "$HXGate::Dir/$_.key" } qw(audit webhook);
my $fault = "$HXGate::Dir/fault";
my $library = $ENV{HX_DISK_FAULT_LIB}
    // "$HX::Top/build/release/hx_disk_fault.so";

HXGate::upstream();
my ($h2, $dead, $metrics, $syslog) = map { HX::port($_) } 3 .. 6;
my $sink = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $syslog,
                                 Proto => 'udp') or die $!;
my $access = "$HXGate::Dir/access.log";

# all that a log format could be made of
my $more = <<"EOC";
    log_format all '\$request \$status \$remote_user \$hx_gate_tenant '
        '\$hx_gate_namespace \$hx_gate_operation \$hx_gate_plan '
        '\$hx_gate_request_id \$hx_gate_cus \$hx_gate_outcome '
        '\$http_x_api_key \$http_authorization \$http_x_hx_tenant '
        '\$http_cookie \$sent_http_x_api_key \$upstream_http_authorization';
    access_log $access all;
    hx_gate_plan one requests=4 window=1h quota=unlimited;
    hx_gate_plan poor requests=1000 window=1h quota=1;
    hx_gate_billing on;
EOC
my $config = HXGate::config(gate => 'hx_gate_max_upload 30000;') . <<"EOC";
    location = /gate/stripe/webhook {
        hx_gate_stripe_webhook secret=file:$HXGate::Dir/webhook.key
                               secret=env:HOOK;
    }
EOC
my $server = HXGate::Server->new(
    env => { HOOK => $other, LD_PRELOAD => $library, HX_DISK_FAULT => $fault,
             HX_DISK_FAULT_PATH => $HXGate::Audit },
    http => HXGate::http_config(limits => 1, more => $more,
        audit => "$HXGate::Audit flush=10ms extended chain required "
                 . "durability=write key=$HXGate::Dir/audit.key "
                 . "syslog:server=127.0.0.1:$syslog")
        . <<"EOC", config => $config)->start;
server { listen 127.0.0.1:$metrics; location = /metrics { hx_gate_metrics; } }
server { listen 127.0.0.1:$h2 http2; $config }
server { listen 127.0.0.1:$dead; hx_gate_operations hx-sdp;
         location /v1/ { hx_gate on; proxy_pass http://127.0.0.1:1; } }
EOC

# ---- every way there is to fail; bodies of all answers
my @bodies;
my %seen;

sub ask {
    my ($status, $method, $target, %o) = @_;
    my $r = $server->request($method, $target, %o);
    $seen{$status}++;
    is $r->{status}, $status, "$method $target: $status";
    push @bodies, $r->{head};
    # upstream() answers with what it got, which is no error
    push @bodies, $r->{body} if !($r->{json} && $r->{json}{headers});
    return $r;
}

sub admin_call {
    my ($status, $path, $json, %o) = @_;
    my $r = $server->admin($path, $json, %o);
    is $r->{status}, $status, "$path: $status";
    if (my $key = eval { $r->{json}{api_key} }) {
        # shown once, here
        canary("API key of $json->{tenant_id}", $key);
    } else {
        push @bodies, $r->{head}, $r->{body};
    }
    return $r->{json}{api_key};
}

my $body = canary('a body');
my $query = canary('a query string');
my $key = admin_call(201, 'onboard/create',
                     { tenant_id => 'acme', namespaces => ['prod'] });
my $old = $key;
$key = admin_call(200, 'onboard/rotate-key', { tenant_id => 'acme' });
admin_call(200, 'onboard/update-tier', { tenant_id => 'acme',
                                         plan => 'enterprise' });
my $one = admin_call(201, 'onboard/create',
                     { tenant_id => 'one', plan => 'one' });
my $poor = admin_call(201, 'onboard/create',
                      { tenant_id => 'poor', plan => 'poor' });

ask(200, 'GET', "/v1/get/prod/k?token=$query", key => $key);
ask(401, 'GET', '/v1/get/prod/k', key => $old);
ask(401, 'GET', '/v1/get/prod/k', key => canary('a wrong key'));
ask(401, 'GET', '/v1/get/prod/k', key => substr($key, 0, -1));
ask(401, 'GET', '/v1/get/prod/k', key => "$key x");
ask(401, 'GET', '/v1/get/prod/k', headers =>
    ['Authorization', 'Basic ' . canary('Basic credentials')]);
ask(401, 'GET', '/v1/get/prod/k', headers =>
    ['X-Api-Key', $key, 'X-Api-Key', canary('a second key')]);
ask(200, 'GET', '/v1/get/prod/k', headers =>
    ['X-Api-Key', $key, 'Authorization', 'Bearer ' . canary('another key')]);
ask(403, 'GET', '/v1/get/other/k', key => $key);
ask(404, 'GET', '/v1/none', key => $key);
ask(404, 'GET', '/v1/get/prod/k?_status=404', key => $key);
ask(405, 'GET', '/v1/put', key => $key);
ask(400, 'GET', '/v1/get/prod/%00', key => $key);
ask(400, 'POST', '/v1/serve', key => $key, body => "{\"$body\":1,,}");
ask(400, 'POST', '/v1/serve', key => $key, body => "{\"namespace\":\"prod\"");
ask(400, 'POST', '/v1/serve', key => $key,
    json => { namespace => ['prod'], key => $body });
ask(403, 'POST', '/v1/serve', key => $key,
    json => { namespace => 'other', key => 'k', note => $body });
ask(415, 'POST', '/v1/serve', key => $key, body => $body,
    headers => ['Content-Type', 'text/plain']);
ask(413, 'POST', '/v1/put', key => $key,
    json => { namespace => 'prod', key => 'k', data_b64 => $body x 40_000 });
ask(200, 'POST', '/v1/put', key => $key,
    json => { namespace => 'prod', key => 'k', data_b64 => $body x 500 });
ask(200, 'GET', '/v1/list/default', key => $one) for 1 .. 4;
ask(429, 'GET', '/v1/list/default', key => $one);
ask(200, 'POST', '/v1/put', key => $poor,
    json => { namespace => 'default', key => 'k', data_b64 => 'AAAA' });
ask(429, 'POST', '/v1/put', key => $poor,
    json => { namespace => 'default', key => 'k', data_b64 => $body });
ask(502, 'GET', '/v1/get/prod/k?_drop', key => $key);
ask(502, 'GET', '/v1/get/prod/k', key => $key, port => $dead);
ask(502, 'GET', '/v1/get/prod/k?_status=401', key => $key);
ask(500, 'GET', '/v1/get/prod/k?_status=500', key => $key);

# events: signed, not signed, signed but bad, twice
sub hook {
    my ($status, $event, %o) = @_;
    my $r = HXStripe::post($server, $event, %o);
    is $r->{status}, $status, "an event: $status";
    push @bodies, $r->{head}, $r->{body};
}
my $event = HXStripe::checkout({ client_reference_id => 'paid',
                                 note => $body });
hook(200, $event);
hook(200, $event, secret => $other);
hook(400, $event, secret => canary('a wrong webhook secret'));
hook(400, $event, t => 1);
hook(400, "{\"$body\":");
hook(400, HXStripe::checkout({ client_reference_id => "$body!" }));
hook(413, $body x 30_000);

# nginx's own refusals, before the gate (of a length beside chunks since 1.21;
# then the gate's, of a body that is empty)
for my $text ("GET /v1/get/prod/k HTTP/1.1\r\nX-Api-Key: $key\r\n\r\n",
              "GET /v1/get/prod/k HTTP/1.1\r\nHost: a b\r\nX-Api-Key: $key"
              . "\r\n\r\n",
              "GET /v1/get/prod/k HTTP/1.1\r\nHost: a\r\nX-Api-Key: $key\0"
              . "\r\n\r\n",
              "POST /v1/put HTTP/1.1\r\nHost: a\r\nX-Api-Key: $key\r\n"
              . "Connection: close\r\nContent-Length: 1\r\n"
              . "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
              "GET /v1/get/prod/k HTTP/1.1\r\nHost: a\r\nX-Api-Key: $key\r\n"
              . 'X-Long: ' . 'x' x 40_000 . "\r\n\r\n")
{
    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, $text);
    my $answer = '';
    1 while HXGate::more($s, \$answer);
    like $answer, qr{^HTTP/1\.1 4\d\d }, 'refused by nginx';
    push @bodies, $answer;
}

# HTTP/2
{
    my $c = HXH2->new($h2);
    for my $case (['other', $key], ['prod', canary('a wrong key, HTTP/2')]) {
        my $id = $c->headers([':method', 'GET', ':scheme', 'http', ':path',
            "/v1/get/$case->[0]/k", ':authority', 'a', 'x-api-key',
            $case->[1]], end => 1);
        push @bodies, $c->answer($id)->{body};
    }
    $c->close;
}

# operators
admin_call(409, 'onboard/create', { tenant_id => 'acme', email => 'a@b.example' });
admin_call(404, 'onboard/suspend', { tenant_id => 'nobody' });
admin_call(400, 'onboard/create', { tenant_id => $_ }) for '', 'A B', 'x' x 65;
admin_call(404, 'onboard/none', {});
admin_call(200, 'admin/tenants');
admin_call(200, 'admin/usage');
admin_call(200, 'admin/tenants/acme');
for my $wrong (canary('a wrong service key'), substr($HXGate::ServiceKey, 1)) {
    my $r = $server->request('GET', '/gate/admin/tenants',
                             headers => ['Authorization', "Bearer $wrong"]);
    is $r->{status}, 401, 'a wrong service key';
    push @bodies, $r->{head}, $r->{body};
}
admin_call(200, 'onboard/suspend', { tenant_id => 'one' });
ask(403, 'GET', '/v1/list/default', key => $one);
admin_call(200, 'onboard/delete', { tenant_id => 'one' });
ask(401, 'GET', '/v1/list/default', key => $one);

# a disk that takes nothing, a registry that is gone
HXGate::spew($fault, 'wa ' . ENOSPC);
chmod 0644, $fault;
HXGate::wait_for('the first refusal', sub {
    my $r = $server->request('GET', '/v1/get/prod/k', key => $key);
    return 0 if !$r || $r->{status} != 503;
    push @bodies, $r->{body};
});
ask(503, 'GET', '/v1/get/prod/k', key => $key);
unlink $fault;
HXGate::wait_for('the disk', sub {
    return $server->request('GET', '/v1/get/prod/k', key => $key)
        ->{status} == 200;
});
rename "$HXGate::Dir/registry", "$HXGate::Dir/registry.gone" or die $!;
HXGate::wait_for('the registry to be missed', sub {
    return $server->request('GET', '/ready')->{status} == 503;
});
ask(503, 'GET', '/v1/get/prod/k', key => $key);
admin_call(503, 'onboard/rotate-key', { tenant_id => 'acme' });
admin_call(503, 'admin/tenants');
hook(503, HXStripe::checkout({ client_reference_id => 'later' }));
rename "$HXGate::Dir/registry.gone", "$HXGate::Dir/registry" or die $!;

# what can be dumped
push @bodies, HXGate::request('GET', '/metrics', port => $metrics)->{body};
$server->reload;
my $dump = join ' ', map { "'$_'" } $server->command('-T');
push @bodies, scalar qx($dump 2>&1);
push @bodies, scalar qx(cat /proc/$server->{pid}/cmdline);
for my $pid ($server->pids) {
    push @bodies, scalar qx(cat /proc/$pid/cmdline);
}
is $server->stop, 0, 'nginx ends';
while (IO::Select->new($sink)->can_read(0)) {
    last if !defined $sink->recv(my $text, 65536);
    push @bodies, $text;
}

# ---- where canaries sing
# a query string is part of the request line, which nginx's own logs have
my %may = (
    $query => qr{^(?:\Q$access\E|.*/error\.log|.*/upstream\.log)$},
);
# the engine gets the service key and bodies; the keys' own files
my $engine = "$HXGate::Dir/upstream.log";

my %files;
File::Find::find({ no_chdir => 1, wanted => sub {
    $files{$File::Find::name} = 1
        if -f && !m{/(?:service|audit|webhook)\.key$} && $_ ne $engine;
} }, $HXGate::Dir);
ok $files{$HXGate::Audit} && $files{$access}, 'logs are among the files';
ok((grep { m{/hx-gate-gate-} } keys %files), 'so is the shared memory');
ok((grep { m{/registry/data\.mdb$} } keys %files), 'and the registry');

my (@sang, $looked);
for my $file (sort keys %files) {
    my $text = HXGate::slurp($file);

    # nginx itself, at level info, before any module is asked: for this reason
    # the documentation asks for "error_log ... error"
    $text =~ s/^.*\[info\].* client sent invalid header line: .*$//mg
        if $file =~ m{/error\.log$};

    $looked += length $text;
    for my $mark (keys %canary) {
        next if $may{$mark} && $file =~ $may{$mark};
        push @sang, "$canary{$mark} in $file" if index($text, $mark) >= 0;
    }
}
cmp_ok $looked, '>', 100_000, 'there was something to look at';
is join("\n", @sang), '', 'no file has a secret';

@sang = ();
for my $text (@bodies) {
    push @sang, "$canary{$_} in: $text"
        for grep { index($text, $_) >= 0 } keys %canary;
}
cmp_ok scalar(@bodies), '>', 100, 'there were answers to look at';
is join("\n", @sang), '', 'no answer, metric or dump has one';

# the look finds what is there
my $found = grep { index(HXGate::slurp("$HXGate::Dir/service.key"), $_) >= 0 }
    keys %canary;
is $found, 1, 'where there is one it is found';
isnt index(HXGate::slurp($engine), $HXGate::ServiceKey), -1,
    'the engine got the service key';
is index(HXGate::slurp($engine), $key), -1, 'but no key of a client';
is join(' ', grep { !$seen{$_} } 200, 400, 401, 403, 404, 405, 413, 415, 429,
        500, 502, 503), '', 'every status was there';

done_testing;
