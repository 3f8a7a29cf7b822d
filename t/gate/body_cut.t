# A body that ends early, or never comes: nothing is forwarded, nobody is
# charged, the audit trail has a line.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod', 'default'] });
my $key = $HXGate::Key{acme};
my $server = HXGate::Server->new(
    config => 'client_body_timeout 200ms;' . HXGate::config())->start;
my $lines = 0;

sub start_request {
    my ($id, $body, @headers) = @_;
    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, HXGate::request_text(
        'POST', '/v1/put', key => $key, keepalive => 1,
        headers => ['X-Request-Id', $id, @headers]) . $body);
    return $s;
}

# The record of the request: everything about it is over by then.
sub recorded {
    my ($id, $status, $name) = @_;

    my ($rec) = grep { $_->{request_id} eq $id } HXGate::audit(++$lines);
    is $rec->{tenant_id}, 'acme', "$name: recorded";
    is $rec->{status}, $status, "$name: status";
    is $rec->{cus}, 0, "$name: free";
}

my $json = '{"namespace":"prod","key":"a"}';
my @length = ('Content-Length', 100);
my @chunked = ('Transfer-Encoding', 'chunked');
my $chunk = sprintf "%x\r\n%s\r\n", length $json, $json;

# the client stops sending, or goes; nginx answers nobody who did not finish
for my $case ([ 'length', $json, @length ],
              [ 'length, nothing', '', @length ],
              [ 'chunked', $chunk, @chunked ],
              [ 'chunked, inside a chunk', substr($chunk, 0, 10), @chunked ])
{
    my ($name, $body, @headers) = @$case;
    (my $id = "half-$name") =~ s/\W+/-/g;

    my $s = start_request($id, $body, @headers);
    shutdown $s, 1;
    is HXGate::response($s), undef, "$name, half closed: hung up on";
    recorded($id, 400, "$name, half closed");

    ($id = "gone-$name") =~ s/\W+/-/g;
    $s = start_request($id, $body, @headers);
    close $s;
    recorded($id, 400, "$name, closed");

    ($id = "reset-$name") =~ s/\W+/-/g;
    $s = start_request($id, $body, @headers);
    HXGate::reset_peer($s);
    recorded($id, 400, "$name, reset");
}

# the client falls silent
for my $case ([ 'length', $json, @length ],
              [ 'chunked', $chunk, @chunked ])
{
    my ($name, $body, @headers) = @$case;
    my $s = start_request("silent-$name", $body, @headers);
    is HXGate::response($s), undef, "$name, silent: hung up on";
    recorded("silent-$name", 408, "$name, silent");
}

# chunked coding that is none
for my $bad ("zz\r\n", "-1\r\n", "ffffffffffffffffff\r\n", "5\r\nabcdefgh\r\n",
             "\r\n\r\n", "5;\n{\"a\"}\n0x0\n\n")
{
    my $id = "chunk-$lines";
    my $s = start_request($id, $bad, @chunked);
    my $r = HXGate::response($s);
    close $s;
    (my $name = $bad) =~ s/[^ -~]/./g;
    is $r->{status}, 400, "chunk \"$name\"";
    recorded($id, 400, "chunk \"$name\"");
}

# the end of the JSON text is not the end of the body
{
    my $s = start_request('early', $json, @length);
    HXGate::send_all($s, ' ' x (100 - length($json) - 1) . '!');
    my $r = HXGate::response($s);
    close $s;
    is "$r->{status} $r->{json}{detail}", '400 Invalid JSON body',
        'whole text, then something else';
    recorded('early', 400, 'whole text, then something else');
}

# a bad body is refused at its first bad byte, with most of it still to come
{
    my $s = start_request('first', '{"namespace":x', 'Content-Length',
                          50_000_000);
    my $r = HXGate::response($s);
    close $s;
    is "$r->{status} $r->{json}{detail}", '400 Invalid JSON body',
        'refused with 50 MB still to come';
    is $r->{headers}{connection}, 'close', 'which are not waited for';
    recorded('first', 400, 'refused with 50 MB still to come');
}

is join(' ', HXGate::upstream_log()), '', 'the engine heard of none of them';
is $server->request('POST', '/v1/put', key => $key, body => $json)->{status},
    200, 'a whole one goes through';
is scalar(HXGate::upstream_log()), 2, 'and is the first there';

is $server->stop, 0, 'nginx ends well';
is join("\n", $server->logged(qr/\[(?:crit|alert|emerg)\]/)), '',
    'nothing an operator has to look at';
done_testing;
