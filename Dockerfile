# syntax=docker/dockerfile:1
# docker buildx build --platform linux/amd64,linux/arm64 --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) .
# What the image holds is put together by tools/image/build.ts; test/e2e/image.test.ts runs the same steps without Docker.
FROM node:24-trixie-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY LICENSE tsconfig.json tsconfig.build.json ./
COPY src src
COPY tools/image tools/image
RUN node tools/image/build.ts /image

FROM scratch
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Tenantry" \
      org.opencontainers.image.description="Isolated namespaces, databases and access for customers who are served through partners." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /image /
WORKDIR /app
# By number, so that `runAsNonRoot` can be checked.
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/node"]
# The chart says more: the permission model, and where its files lie.
CMD ["--max-semi-space-size=1", "--optimize-for-size", "/app/dist/main.js"]
