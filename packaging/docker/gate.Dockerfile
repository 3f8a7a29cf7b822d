# The gate: Debian's nginx with the module, as www-data, port 8443.
#   docker build -f packaging/docker/gate.Dockerfile -t hx-gate .
ARG BASE=docker.io/library/debian:12-slim
FROM ${BASE} AS build

WORKDIR /src
COPY . .
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends make \
 && DEBIAN_FRONTEND=noninteractive packaging/deps/install.sh build \
 && make BUILDDIR=/build \
 && packaging/docker/container-conf.sh nginx-conf /out/etc \
        engine:8000 redis://redis:6379/0 8443 \
 && install -D -m 644 /build/release/ngx_http_hx_gate_module.so \
        /out/modules/ngx_http_hx_gate_module.so \
 && install -D -t /out/bin /build/release/hx-audit /build/release/hx-gate-check \
        /build/release/hx-gate-registry

FROM ${BASE} AS gate

RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        nginx-light libssl3 libyajl2 libpcre2-8-0 liblmdb0 libhiredis0.14 zlib1g curl \
 && rm -rf /var/lib/apt/lists/* /etc/nginx/sites-enabled /etc/nginx/nginx.conf \
 && install -d -o www-data -g www-data -m 700 /var/lib/hx-gate /var/lib/hx-gate/registry /var/log/hx-gate

COPY --from=build /out/modules/ /usr/lib/nginx/modules/
COPY --from=build /out/bin/ /usr/bin/
COPY --from=build /out/etc/ /etc/nginx/

USER 33:33
EXPOSE 8443
VOLUME ["/var/lib/hx-gate", "/var/log/hx-gate"]
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s \
    CMD ["curl", "-skf", "-o", "/dev/null", "https://127.0.0.1:8443/ready"]
CMD ["nginx", "-e", "stderr", "-g", "daemon off;"]
