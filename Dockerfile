# syntax=docker/dockerfile:1
# The worker, the starter and the receiver of webhooks in one image, without a shell. The worker is the entrypoint.

FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY . .
ENV CGO_ENABLED=0
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -ldflags="-s -w" -o /out/perch-worker ./worker && \
    go build -trimpath -ldflags="-s -w" -o /out/perch ./starter && \
    go build -trimpath -ldflags="-s -w" -o /out/perch-web ./web
RUN mkdir -p /out/etc/ssl/certs /out/etc/perch /out/var/cache/perch /out/home/perch /out/tmp && \
    cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ && \
    echo 'perch:x:65532:65532::/home/perch:/sbin/nologin' > /out/etc/passwd && \
    chown -R 65532:65532 /out/var/cache/perch /out/home/perch && chmod 1777 /out/tmp

FROM scratch
COPY --from=build /out/ /
USER 65532:65532
ENV HOME=/home/perch XDG_CACHE_HOME=/var/cache/perch
ENTRYPOINT ["/perch-worker"]
