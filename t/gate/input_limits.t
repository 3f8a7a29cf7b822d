# Every limit on what a client sends: one below, the limit and one above it, and
# what is in a body in every framing there is.  What is above is refused with a
# reason and reaches nobody.
use lib 't/lib'; use HX; use HXGate; use HXH2; use HXSend; use HXStripe;
use Test::More;

use strict;
use warnings;

my ($h2, $up) = (HX::port(3), HX::port(1));

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => [
    'default', 'prod', map { 'n' x $_ } 254, 255 ] }, { tenant_id => 'ops1' });
my $key = $HXGate::Key{acme};

my $server = HXGate::Server->new(
    env => { %{ HXSend::env() },
             HX_GATE_STRIPE_WEBHOOK_SECRET => $HXStripe::Secret },
    config => <<"EOC")->start;
    listen 127.0.0.1:$h2 http2;
    hx_gate_operations hx-sdp;
    hx_gate_operation deep GET "~/deep/.*" namespace=none;
    hx_gate_max_upload 3000;
    client_max_body_size 0;
    location / {
        hx_gate on;
        proxy_pass http://127.0.0.1:$up;
    }
    location /default/ {
        hx_gate on;
        hx_gate_max_upload 100m;
        hx_gate_operation note POST "/default/{key}" namespace=none;
        proxy_pass http://127.0.0.1:$up;
    }
    location /gate/ { hx_gate_admin; }
    location = /gate/stripe/webhook {
        hx_gate_stripe_webhook;
        proxy_pass http://127.0.0.1:$up;
    }
EOC

sub told {
    my ($r) = @_;
    return "$r->{status} " . ($r->{json}{error} // '') . ': '
        . ($r->{json}{detail} // '');
}

# A body or a value of each length, in every framing.  "takes": the status of
# what is good; "refuses": what is said of the rest.
sub limit {
    my ($name, $max, %o) = @_;

    for my $way (HXSend::ways()) {
        for my $n ($max - 1, $max, $max + 1) {
            my $what = "$name, $way, $n";
            my $body = $o{body}($n);
            HXGate::upstream_forget();
            my %with = ref $o{with} eq 'CODE' ? $o{with}($body) : %{ $o{with} };
            my $r = HXSend::post($way, $server, $h2, $o{target}, $body, %with);
            my @seen = grep { ref } HXGate::upstream_log();
            my $early = $o{whole} && HXSend::announced($way) && $n > $max;

            is $r->{continued}, $way =~ /expect/ && !$early ? 1 : 0,
                "$what: 100 Continue" if $way =~ /expect/;

            if ($n > $max) {
                is told($r), $o{refuses}, $what;
                is scalar @seen, 0, "$what: not forwarded";
                next;
            }
            is $r->{status}, $o{takes}, $what;
            is $r->{sent}, length $body, "$what: all of it was sent";
            next if $with{service};
            is join(' ', map { $_->{body_length} } @seen), length $body,
                "$what: forwarded, once and whole";
        }
    }
}

sub filled {
    my ($n, $head, $tail) = @_;
    return $head . 'A' x ($n - length "$head$tail") . $tail;
}

# ---- bodies of the data plane

my %tenant = (with => { key => $key }, target => '/v1/put', takes => 200);
my $bad = '400 invalid_request: Invalid JSON body';

limit('the body', 3000 / 3 * 4 + 4 + 1048576, %tenant, whole => 1,
      body => sub { filled($_[0], '{"key":"a","data_b64":"', '"}') },
      refuses => '413 too_large: '
                 . 'Payload exceeds maximum upload size of 3000 bytes');
limit('a namespace', 255, %tenant,
      body => sub { '{"key":"a","namespace":"' . 'n' x $_[0] . '"}' },
      refuses => "400 invalid_request: Invalid namespace '" . 'n' x 255 . "'");
limit('levels of arrays', 64, %tenant, refuses => $bad,
      body => sub { '{"x":' . '[' x ($_[0] - 1) . ']' x ($_[0] - 1) . '}' });
limit('levels of objects', 64, %tenant, refuses => $bad,
      body => sub { '{"x":' x $_[0] . '1' . '}' x $_[0] });
limit('characters of a number', 512, %tenant, refuses => $bad,
      body => sub { '{"x":' . '1' x $_[0] . '}' });
limit('characters of a name', 4096, %tenant, refuses => $bad,
      body => sub { '{"' . 'a' x $_[0] . '":1}' });

# ---- events of Stripe

limit('an event', 1048576, takes => 200, whole => 1,
      target => $HXStripe::Path,
      body => sub { filled($_[0], '{"id":"evt_' . HXGate::time() . rand . '",'
                           . '"type":"x","created":1,"note":"', '"}') },
      with => sub { (headers => ['stripe-signature',
                                 HXStripe::sign($_[0])]) },
      refuses => '413 too_large: '
                 . 'Request body exceeds maximum size of 1048576 bytes');

# ---- bodies of the admin plane

my %operator = (with => { service => 1 }, takes => 200);
my $no = '400 invalid_request:';

sub onboard { return (%operator, target => "/gate/onboard/$_[0]") }

limit('an admin body', 65536, onboard('activate'), whole => 1,
      body => sub { '{"tenant_id":"ops1"}' . ' ' x ($_[0] - 20) },
      refuses => '413 too_large: Request body exceeds 65536 bytes');
limit('a tenant id', 64, onboard('activate'), takes => 404,
      body => sub { '{"tenant_id":"' . 't' x $_[0] . '"}' },
      refuses => "$no Invalid tenant_id '" . 't' x 65 . "'");
limit('a namespace to add', 255, onboard('add-namespace'),
      body => sub { '{"tenant_id":"ops1","namespace":"' . 'n' x $_[0] . '"}' },
      refuses => "$no Invalid namespace '" . 'n' x 255 . "'");
limit('namespaces', 256, onboard('create'), takes => 409,
      body => sub { '{"tenant_id":"ops1","namespaces":['
                    . join(',', map { qq("n$_") } 1 .. $_[0]) . ']}' },
      refuses => "$no Field 'namespaces' has too many entries");
limit('an address', 254, onboard('create'), takes => 409,
      body => sub { '{"tenant_id":"ops1","email":"'
                    . filled($_[0], 'a@', '.example') . '"}' },
      refuses => "$no Invalid email '" . filled(255, 'a@', '.example') . "'");
limit('a grace', 2592000, onboard('rotate-key'),
      body => sub { qq({"tenant_id":"ops1","grace_s":$_[0]}) },
      refuses => "$no Field 'grace_s' must be an integer from 0 to 2592000");
limit('a quota', 10 ** 12, onboard('update-tier'),
      body => sub { '{"tenant_id":"ops1","plan":"pro","monthly_quota":'
                    . "$_[0]}" },
      refuses => "$no Field 'monthly_quota' must be an integer from 0 to "
                 . '1000000000000, or null');

for my $case ([ 'requests', 10 ** 9, '{"requests":%d,"window_s":60}' ],
              [ 'window_s', 2678400, '{"requests":9,"window_s":%d}' ])
{
    my ($member, $max, $rate) = @$case;
    limit($member, $max, onboard('update-tier'),
          body => sub { '{"tenant_id":"ops1","plan":"pro","rate_limit":'
                        . sprintf("$rate}", $_[0]) },
          refuses => "$no Field '$member' must be an integer from 1 to $max");
}

# a body without a length is refused before its end has come
{
    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, HXGate::request_text(
        'POST', '/gate/onboard/activate', service => 1, keepalive => 1,
        headers => ['Transfer-Encoding', 'chunked'])
        . "40000000\r\n" . ' ' x 65537);
    is told(HXGate::response($s)),
        '413 too_large: Request body exceeds 65536 bytes',
        'an admin body in a chunk of 1 GiB';
}

# ---- the documented default, by length alone

my $default = int(104857600 / 3) * 4 + 4 + 1048576;
for my $n ($default - 1, $default, $default + 1, 2 ** 31, 2 ** 32 + 1) {
    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, HXGate::request_text(
        'POST', '/default/a', key => $key, keepalive => 1,
        headers => ['Content-Length', $n, 'Expect', '100-continue']));
    my $r = HXGate::response($s);
    is $r->{status} == 100 ? 100 : told($r), $n <= $default ? 100
        : '413 too_large: '
          . 'Payload exceeds maximum upload size of 104857600 bytes',
        "100 MB, $n bytes announced";
}

# ---- what stands in the head, over HTTP/1 and HTTP/2

sub head_of {
    my ($version, $target, @headers) = @_;

    return $server->request('GET', $target, headers => \@headers)
        if $version == 1;

    my $c = HXH2->new($h2);
    my $id = $c->headers([':method', 'GET', ':scheme', 'http', ':path',
                          $target, ':authority', 'a',
                          map { lc $headers[$_ * 2], $headers[$_ * 2 + 1] }
                          0 .. $#headers / 2], end => 1);
    my $r = $c->answer($id);
    return { %$r, json => eval { JSON::PP::decode_json($r->{body}) } };
}

sub head_limit {
    my ($name, $max, $request, $takes, $refuses) = @_;

    for my $version (1, 2) {
        for my $n ($max - 1, $max, $max + 1) {
            HXGate::upstream_forget();
            my $r = head_of($version, $request->($n));
            is $n > $max ? told($r) : $r->{status},
                $n > $max ? $refuses : $takes, "$name, HTTP/$version, $n";
            my @seen = grep { ref } HXGate::upstream_log();
            is scalar @seen, $n <= $max && $takes == 200 ? 1 : 0,
                "$name, HTTP/$version, $n: forwarded";
        }
    }
}

my @key = ('X-Api-Key', $key);
my @service = ('Authorization', "Bearer $HXGate::ServiceKey");

head_limit('a key', 255, sub { '/v1/get/prod/' . 'k' x $_[0], @key }, 200,
           "$no Invalid key");
head_limit('an escaped key', 255,
           sub { '/v1/get/prod/' . '%6b' x $_[0], @key }, 200,
           "$no Invalid key");
head_limit('a namespace in the path', 255,
           sub { '/v1/list/' . 'n' x $_[0], @key }, 200,
           "$no Invalid namespace '" . 'n' x 255 . "'");
head_limit('a path', 4096, sub { filled($_[0], '/deep/', ''), @key }, 200,
           "$no Invalid path");
head_limit('a tenant id in the path', 64,
           sub { '/gate/admin/tenants/' . 't' x $_[0], @service }, 404,
           "$no Invalid tenant_id");

# a request id that is too long is not refused: it gets another one
for my $version (1, 2) {
    for my $n (127, 128, 129) {
        HXGate::upstream_forget();
        my $id = 'i' x $n;
        my $r = head_of($version, '/v1/list/prod', @key, 'X-Request-Id', $id);
        my ($seen) = grep { ref } HXGate::upstream_log();
        is HXGate::sent($seen, 'X-Request-Id') eq $id ? 'kept' : 'replaced',
            $n <= 128 ? 'kept' : 'replaced',
            "a request id, HTTP/$version, $n: $r->{status}";
    }
}

# a listing has 1000 entries at most
for my $n (999, 1000, 1001) {
    is told($server->admin("admin/tenants?limit=$n")),
        $n <= 1000 ? '200 : ' : "$no Argument 'limit' must be an integer from "
        . '1 to 1000', "limit=$n";
}

# ---- API keys: what may be one is looked up, where nobody ever had one

mkdir "$HXGate::Dir/empty";
HXGate::give("$HXGate::Dir/empty");
my $any = HXGate::Server->new(name => 'any', port => HX::port(4),
    http => HXGate::http_config(registry => "lmdb:$HXGate::Dir/empty",
                                zone => "other 1m state=$HXGate::Dir"),
    config => HXGate::config(gate => 'hx_gate_key_format any;'))->start;

for my $n (31, 32, 33, 255, 256, 257) {
    for my $header ([ 'X-Api-Key', 'k' x $n ],
                    [ 'Authorization', 'Bearer ' . 'k' x $n ])
    {
        is told($any->request('GET', '/v1/list/prod', headers => $header)),
            $n >= 32 && $n <= 256
                ? '503 unavailable: Service is temporarily unavailable'
                : '401 unauthorized: Invalid API key',
            "a key of $n characters in $header->[0]";
    }
}
is $any->stop, 0, 'the other nginx ends well';

is $server->stop, 0, 'nginx ends well';
is join("\n", $server->logged(qr/\[(?:crit|alert|emerg)\]/)), '',
    'nothing an operator has to look at';
done_testing;
