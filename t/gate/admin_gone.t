# An operator who leaves before the answer has changed what he asked for, and the
# record says so: with HTTP/2 nginx ends such a request while a thread has it.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;

my $Port = HX::port(3);
my $Server = HXGate::Server->new(
    http => HXGate::http_config() . <<"EOC")->start;
    server { listen 127.0.0.1:$Port http2; location /gate/ { hx_gate_admin; } }
EOC

# RFC 9113: length, type, flags, stream
sub frame {
    my ($type, $flags, $stream, $payload) = @_;
    return substr(pack('N', length $payload), 1)
        . pack('CCN', $type, $flags, $stream) . $payload;
}

# RFC 7541, 6.2.2: a literal, not indexed, new name
sub field {
    my ($name, $value) = @_;
    return "\0" . chr(length $name) . $name . chr(length $value) . $value;
}

# Sends a create call and resets the connection as soon as nginx has read it:
# its SETTINGS come with the first look at ours.
sub create_and_leave {
    my ($id) = @_;

    my $json = qq({"tenant_id":"$id"});
    my $head = join '', map { field(@$_) }
        [':method', 'POST'], [':scheme', 'http'],
        [':path', '/gate/onboard/create'], [':authority', 'localhost'],
        ['authorization', "Bearer $HXGate::ServiceKey"];

    my $s = HXGate::connect_to($Port);
    HXGate::send_all($s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, '')
        . frame(1, 4, 1, $head) . frame(0, 1, 1, $json));
    IO::Select->new($s)->can_read(HXGate::PATIENCE) or die 'no SETTINGS';
    HXGate::reset_peer($s);
}

my @ids = map { "gone-$_" } 1 .. 60;
create_and_leave($_) for @ids;

# the calls on other connections may still be under way
my %status;
HXGate::wait_for('every call to be recorded', sub {
    %status = ();
    for my $record (HXGate::audit()) {
        push @{ $status{$record->{tenant_id}} }, $record->{status}
            if defined $record->{tenant_id} && $record->{method} eq 'POST';
    }
    return (grep { $Server->admin("admin/tenants/$_")->{status} == 200 } @ids)
        == keys %status;
});

cmp_ok(scalar(keys %status), '>', 0, 'some calls were carried out');
is_deeply([grep { "@{ $status{$_} }" ne '201' } sort keys %status], [],
          'each one is on record once, with what it did');

is($Server->stop, 0, 'nginx stops');
is(join("\n", $Server->logged(qr/\[(?:alert|emerg|crit)\]/)), '', 'quietly');
done_testing();
