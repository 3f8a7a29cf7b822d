# Nobody without a key makes the gate read a body: the refusal goes out before
# a byte of the body has come, and "100 Continue" is for those who may continue.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod', 'default'] },
                { tenant_id => 'out' });
my $key = $HXGate::Key{acme};
my $server = HXGate::Server->new->start;
$server->admin('onboard/suspend', { tenant_id => 'out' });

my $body = '{"namespace":"prod","key":"a"}';

sub start_request {
    my ($target, $key, @headers) = @_;
    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, HXGate::request_text(
        'POST', $target, key => $key, keepalive => 1,
        headers => ['Content-Type', 'application/json', @headers]));
    return $s;
}

my @length = ('Content-Length', 50_000_000);
my @chunked = ('Transfer-Encoding', 'chunked');
my @expect = ('Expect', '100-continue');
my $unknown = HXGate::unknown_key();

for my $case (
    [ 'no key',        '/v1/put',         undef,              401 ],
    [ 'malformed key', '/v1/put',         'hx_live_x',        401 ],
    [ 'unknown key',   '/v1/put',         $unknown,           401 ],
    [ 'suspended',     '/v1/put',         $HXGate::Key{out},  403 ],
    [ 'no such path',  '/v1/nothing',     $key,               404 ],
    [ 'wrong method',  '/v1/list/prod',   $key,               405 ],
) {
    my ($name, $target, $k, $status) = @$case;
    for my $framing ([ 'length', @length ], [ 'chunked', @chunked ],
                     [ 'length, expecting', @length, @expect ],
                     [ 'chunked, expecting', @chunked, @expect ])
    {
        my ($how, @headers) = @$framing;
        my $s = start_request($target, $k, @headers);
        my $r = HXGate::response($s);
        is $r->{status}, $status, "$name, $how: answered before the body";
        is $r->{headers}{'x-hx-cus'}, '0.0', "$name, $how: free";
    }
}

# an encoding and a type that nobody here reads
for my $header ([ 'Content-Encoding', 'gzip' ], [ 'Content-Type', 'text/xml' ])
{
    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, HXGate::request_text(
        'POST', '/v1/put', key => $key, headers => [@$header, @length,
                                                    @expect]));
    is HXGate::response($s)->{status}, 415, "@$header: answered before it";
}

# who may continue is told so, once
for my $framing ([ 'length', 'Content-Length', length $body ],
                 [ 'chunked', @chunked ])
{
    my ($how, @headers) = @$framing;
    my $s = start_request('/v1/put', $key, @headers, @expect);
    my $rest = '';
    is HXGate::response($s, \$rest)->{status}, 100, "$how: 100 Continue";
    is $rest, '', "$how: and nothing else yet";
    HXGate::send_all($s, $how eq 'length'
        ? $body : sprintf "%x\r\n%s\r\n0\r\n\r\n", length $body, $body);
    my $r = HXGate::response($s, \$rest);
    is $r->{status}, 200, "$how: then the answer";
    is HXGate::sent($r->{json}, 'Expect'), undef,
        "$how: the engine is not asked again";
}

# the body of a refused request is thrown away, not taken for the next head
{
    my $evil = HXGate::request_text('GET', '/v1/list/prod', key => $key);
    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, HXGate::request_text(
        'POST', '/v1/put', keepalive => 1, body => $evil));
    my $rest = '';
    is HXGate::response($s, \$rest)->{status}, 401, 'refused, kept alive';
    HXGate::send_all($s, HXGate::request_text('GET', '/health'));
    my $r = HXGate::response($s, \$rest);
    is $r->{body}, '{"status":"ok"}', 'the next answer is for the next request';
}

is scalar(grep { ref } HXGate::upstream_log()), 2,
    'the engine heard of the two that continued';
is $server->stop, 0, 'nginx ends well';
is join("\n", $server->logged(qr/\[(?:error|crit|alert|emerg)\]/)), '',
    'nothing an operator has to look at';
done_testing;
