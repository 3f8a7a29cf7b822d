package HXBlock;

# Sections for the blocks of suites that look at single requests:
#
#     use lib 't/lib'; use HX; use HXGate; use HXBlock;
#     use Test::Nginx::Socket 'no_plan';
#
#     HXGate::upstream();
#     HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
#     HXBlock::sections();            # instead of HXGate::blocks()
#
#   --- tenant: acme          each request gets that tenant's X-Api-Key
#   --- service               each request gets the service key
#   --- refused               one line a request: "401 unauthorized Missing API
#                             key".  Status, word, detail ("*" = any text), the
#                             form of the answer, and that nothing went upstream
#   --- upstream              what went upstream, a paragraph a request: request
#                             line without version, then exactly its headers
#                             ("*" = any value) but Host and Connection
#   --- upstream_body         the body of the first
#   --- not_forwarded         nothing went upstream
#   --- audit                 the audit records of the block, one a line:
#                             "tenant method path namespace status cus"
#   --- echo                  the answer may have the service key in it
#
# In every block neither the access log nor the audit log nor the answer (but
# that of upstream(), which tells what it was sent) may hold a key.
#
# refusal() and records() are for suites without blocks.
#
# In more_headers, raw_request, request and upstream, {key:acme} stands for the
# key of a tenant, {service} for the service key, {unknown} for a key of the
# right form that nobody has.

use strict;
use warnings;

use JSON::PP ();
use Test::More ();

use HX;
use HXGate;

our $Unknown = HXGate::unknown_key();


sub expand {
    my ($v) = @_;

    return [map { expand($_) } @$v] if ref $v eq 'ARRAY';
    return $v if !defined $v || ref $v;
    $v =~ s{\{key:([\w-]+)\}}
           {$HXGate::Key{$1} // die "no key of tenant $1\n"}ge;
    $v =~ s{\{service\}}{$HXGate::ServiceKey}g;
    $v =~ s{\{unknown\}}{$Unknown}g;
    return $v;
}


sub add_header {
    my ($headers, $line) = @_;

    $line .= "\n";
    return [map { "$_\n$line" } @$headers] if ref $headers eq 'ARRAY';
    return defined $headers ? "$headers\n$line" : $line;
}


# Standard http_config and config, and the sections above.
sub sections {
    my (%config) = @_;

    # without a master there is no worker that gives up root's rights
    Test::Nginx::Util::master_on();

    Test::Nginx::Util::add_block_preprocessor(sub {
        my ($block) = @_;

        $block->set_value('http_config', HXGate::http_config())
            unless defined $block->http_config;
        $block->set_value('config', HXGate::config(%config))
            unless defined $block->config;

        if (defined(my $tenant = $block->tenant)) {
            $tenant =~ s/\s+$//;
            $block->set_value('more_headers',
                              add_header(scalar $block->more_headers,
                                         "X-Api-Key: {key:$tenant}"));
        }
        if (defined $block->service) {
            $block->set_value('more_headers',
                              add_header(scalar $block->more_headers,
                                         'Authorization: Bearer {service}'));
        }

        for my $name (qw(more_headers raw_request request pipelined_requests
                         upstream upstream_body))
        {
            my $v = $block->$name;
            $block->set_value($name, expand($v)) if defined $v;
        }

        my $requests = $block->request // $block->pipelined_requests;
        $block->set_value('last', ref $requests ? $#$requests : 0);

        expect_refusals($block) if defined $block->refused;

        # once the nginx of the block before is gone with what it had to flush
        $block->set_value('init', 'HXBlock::forget();' . ($block->init // ''));
    });

    Test::Nginx::Socket::add_response_body_check(\&check);
}


sub forget {
    HXGate::upstream_forget() if -e "$HXGate::Dir/upstream.log";
    truncate $HXGate::Audit, 0 if -e $HXGate::Audit;
}


sub expect_refusals {
    my ($block) = @_;

    my @rows = map { [split / /, $_, 3] } grep { /\S/ }
        split /\n/, $block->refused;
    my @status = map { $_->[0] } @rows;
    my @head = (qr{\r\nContent-Type: application/json\r\n}) x @rows;

    $block->set_value('rows', \@rows);
    $block->set_value('error_code', \@status)
        unless defined $block->error_code;
    $block->set_value('raw_response_headers_like', \@head)
        unless defined $block->raw_response_headers_like;
    $block->set_value('not_forwarded', 1);
}


sub check {
    my ($block, $body, $i) = @_;
    my $name = $block->name . " (request $i)";

    check_refusal($name, $block->rows->[$i], $body // '')
        if defined $block->rows;
    check_upstream($name, $block, $i)
        if defined $block->upstream;

    if (defined $block->upstream_body && $i == 0) {
        my ($r) = records();
        my $expected = $block->upstream_body;
        chomp $expected;
        Test::More::is($r && $r->{body}, $expected, "$name - upstream body");
    }

    if (defined $block->not_forwarded) {
        Test::More::is(scalar(records()), 0, "$name - not forwarded");
    }

    check_audit($name, $block)
        if defined $block->audit && $i == $block->last;
    check_secrets($name, $body // '', defined $block->echo
                                      || ($body // '') =~ /"body_md5"/);
}


sub check_refusal {
    my ($name, $row, $body) = @_;

    my ($status, $word, $detail) = @{ $row // [0, '', 'no such request'] };
    return if $body eq '' && $detail eq 'HEAD';

    my $json = eval { JSON::PP::decode_json($body) } // {};
    Test::More::is(join(',', sort keys %$json), 'detail,error,request_id',
                   "$name - members of the error");
    Test::More::is($json->{error}, $word, "$name - error word");
    Test::More::is($json->{detail}, $detail, "$name - detail")
        if $detail ne '*';
    Test::More::like($json->{request_id}, qr/^[A-Za-z0-9._-]{1,128}$/,
                     "$name - request id");
}


# The same for an answer of HXGate::request().
sub refusal {
    my ($name, $r, $status, $word, $detail) = @_;

    Test::More::is($r->{status}, $status, "$name - status");
    Test::More::is($r->{headers}{'content-type'}, 'application/json',
                   "$name - content type");
    check_refusal($name, [$status, $word, $detail], $r->{body});
    Test::More::is($r->{headers}{'x-request-id'},
                   ($r->{json} // {})->{request_id}, "$name - one request id");
}


# Requests that the upstream has had.
sub records {
    return grep { ref } HXGate::upstream_log();
}


sub check_upstream {
    my ($name, $block, $i) = @_;

    my @paragraphs = split /\n\n+/, $block->upstream;
    my ($line, @expected) = split /\n/, $paragraphs[$i] // '';

    # that of a background subrequest may come after the answer
    eval { HXGate::wait_for('the upstream', sub { records() > $i }) }
        if defined $line;
    my $r = (records())[$i];

    Test::More::is($r && "$r->{method} $r->{target}", $line,
                   "$name - upstream request line");

    my @got = map { "$_->[0]: $_->[1]" }
        grep { $_->[0] !~ /^(?:Host|Connection)$/ }
        @{ $r ? $r->{headers} : [] };
    my %any = map { /^([^:]+): \*$/ ? ($1 => 1) : () } @expected;
    @got = map { /^([^:]+):/ && $any{$1} ? "$1: *" : $_ } @got;

    Test::More::is(join("\n", sort @got), join("\n", sort @expected),
                   "$name - upstream headers");
}


sub check_audit {
    my ($name, $block) = @_;

    my @expected = grep { /\S/ } split /\n/, $block->audit;
    my @got = map {
        join ' ', map { $_ // 'null' }
            @$_{qw(tenant_id method path namespace status cus)};
    } HXGate::audit(scalar @expected);

    Test::More::is(join("\n", @got), join("\n", @expected), "$name - audit");
}


sub check_secrets {
    my ($name, $body, $echo) = @_;

    my $text = HXGate::slurp("$ENV{TEST_NGINX_SERVROOT}/logs/access.log");
    $text .= HXGate::slurp($HXGate::Audit);
    $text .= $body if !$echo;

    for my $secret ($HXGate::ServiceKey, values %HXGate::Key) {
        Test::More::fail("$name - a key is in a log or an answer")
            if index($text, $secret) >= 0;
    }
}

1;
