package HXH2;

# A small HTTP/2 client without TLS (nginx: "listen ... http2"), for requests
# that well-behaved clients do not send.
#
#     my $c = HXH2->new($port);
#     my $id = $c->headers([':method', 'GET', ...], end => 1);
#     $c->data($id, $bytes, end => 1);
#     my $answer = $c->answer($id);       # { status, body, reset, gone }
#     $c->{out}                           # bytes of bodies sent
#     $c->at_once(sub { ... });           # frames sent in it leave in one piece
#
# Header fields go out as literals, whatever is in them.  Of the answers the
# status is read, which nginx never compresses; other fields are for curl.

use strict;
use warnings;

use Carp qw(croak);

use HXGate;

use constant {
    DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4, PING => 6,
    GOAWAY => 7, WINDOW_UPDATE => 8, CONTINUATION => 9,
    END_STREAM => 1, ACK => 1, END_HEADERS => 4,
};

my %Static = (0x88 => 200, 0x89 => 204, 0x8a => 206, 0x8b => 304, 0x8c => 400,
              0x8d => 404, 0x8e => 500);


sub new {
    my ($class, $port) = @_;

    my $self = bless { s => HXGate::connect_to($port), in => '', next => 1,
                       streams => {}, window => 65535, out => 0, windows => {},
                       initial => 65535 }, $class;
    HXGate::send_all($self->{s}, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    $self->frame(SETTINGS, 0, 0, '');
    return $self;
}


sub frame {
    my ($self, $type, $flags, $id, $payload) = @_;

    my $bytes = substr(pack('N', length $payload), 1)
        . pack('CCN', $type, $flags, $id) . $payload;
    if (defined $self->{kept}) {
        $self->{kept} .= $bytes;
        return 1;
    }
    return HXGate::send_all($self->{s}, $bytes);
}


# nginx then reads them by one call, if they are a few kilobytes.
sub at_once {
    my ($self, $do) = @_;

    local $self->{kept} = '';
    $do->();
    return HXGate::send_all($self->{s}, $self->{kept});
}


sub integer {
    my ($n) = @_;

    return pack 'C', $n if $n < 127;
    my $out = pack 'C', 127;
    for ($n -= 127; $n >= 128; $n >>= 7) {
        $out .= pack 'C', $n & 127 | 128;
    }
    return $out . pack 'C', $n;
}


# Opens a stream and returns its id.
sub headers {
    my ($self, $fields, %o) = @_;

    my @f = @$fields;
    my $block = '';
    while (my ($name, $value) = splice @f, 0, 2) {
        $block .= "\x10" . integer(length $name) . $name
            . integer(length $value) . $value;
    }

    my $id = $self->{next};
    $self->{next} += 2;
    $self->{streams}{$id} = { body => '' };
    $self->{windows}{$id} = $self->{initial};

    my $first = substr $block, 0, 16384, '';
    $self->frame(HEADERS, ($o{end} ? END_STREAM : 0)
                 | (length $block ? 0 : END_HEADERS), $id, $first);
    while (length $block) {
        my $part = substr $block, 0, 16384, '';
        $self->frame(CONTINUATION, length $block ? 0 : END_HEADERS, $id,
                     $part);
    }
    return $id;
}


# False when the stream has ended before all of it was taken.
sub data {
    my ($self, $id, $bytes, %o) = @_;

    my $at = 0;
    while ($at < length $bytes) {
        my $n = length($bytes) - $at;
        for ($self->{window}, $self->{windows}{$id}, 16384) {
            $n = $_ if $_ < $n;
        }
        if ($n <= 0) {
            return 0 if $self->over($id) || !$self->read_frame;
            next;
        }
        my $last = $o{end} && $at + $n == length $bytes;
        $self->frame(DATA, $last ? END_STREAM : 0, $id,
                     substr $bytes, $at, $n) or return 0;
        $at += $n;
        $self->{out} += $n;
        $self->{window} -= $n;
        $self->{windows}{$id} -= $n;
    }
    $self->frame(DATA, END_STREAM, $id, '') if $o{end} && $bytes eq '';
    return 1;
}


sub over {
    my ($self, $id) = @_;
    my $st = $self->{streams}{$id};
    return $st->{end} || defined $st->{reset} || $self->{gone};
}


# Waits for the end of a stream, or of the connection.
sub answer {
    my ($self, $id) = @_;

    1 while !$self->over($id) && $self->read_frame;
    return { %{ $self->{streams}{$id} }, gone => $self->{gone} };
}


sub read_frame {
    my ($self) = @_;

    while (length $self->{in} < 9
           || length $self->{in} < 9 + unpack 'N', "\0$self->{in}")
    {
        if (!HXGate::more($self->{s}, \$self->{in})) {
            $self->{gone} = 1;
            return 0;
        }
    }

    my $n = unpack 'N', "\0$self->{in}";
    my ($type, $flags, $id) = unpack 'CCN', substr $self->{in}, 3, 6;
    my $payload = substr $self->{in}, 9, $n;
    substr $self->{in}, 0, 9 + $n, '';
    $self->take($type, $flags, $id, $payload);
    return 1;
}


sub take {
    my ($self, $type, $flags, $id, $payload) = @_;

    my $st = $self->{streams}{$id};

    if ($type == DATA) {
        $st->{body} .= $payload;
        if (length $payload) {
            $self->frame(WINDOW_UPDATE, 0, $_, pack 'N', length $payload)
                for 0, $id;
        }

    } elsif ($type == HEADERS) {
        $payload =~ s/^[\x20-\x3f]+//;
        my ($first) = unpack 'C', $payload;
        $st->{status} = $Static{$first}
            // ($payload =~ /^[\x08\x48]\x03(\d{3})/ ? $1
                : croak 'status: ' . unpack 'H8', $payload);

    } elsif ($type == RST_STREAM) {
        $st->{reset} = unpack 'N', $payload if $st;

    } elsif ($type == SETTINGS && !($flags & ACK)) {
        my %s = unpack '(nN)*', $payload;
        if (defined $s{4}) {
            $_ += $s{4} - $self->{initial} for values %{ $self->{windows} };
            $self->{initial} = $s{4};
        }
        $self->frame(SETTINGS, ACK, 0, '');

    } elsif ($type == PING && $flags & ACK) {
        $self->{pong} = $payload;

    } elsif ($type == PING) {
        $self->frame(PING, ACK, 0, $payload);

    } elsif ($type == GOAWAY) {
        $self->{gone} = 1;

    } elsif ($type == WINDOW_UPDATE) {
        if ($id) {
            $self->{windows}{$id} += unpack 'N', $payload;
        } else {
            $self->{window} += unpack 'N', $payload;
        }
    }

    $st->{end} = 1
        if $st && ($type == DATA || $type == HEADERS) && $flags & END_STREAM;
}


sub close {
    my ($self) = @_;
    CORE::close $self->{s};
}

1;
