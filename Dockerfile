# The gateway in an image: its own Node, no development dependencies, nobody's root, a root file system that can be read-only.
# How to run it: docs/deploy.md.

FROM node:24.21.0-bookworm-slim AS packages
WORKDIR /opt/portcullis
COPY package.json package-lock.json ./
COPY verify ./verify
# Without development dependencies the image's own Node is the one that runs, so no package needs its install script.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production \
    # Beside the data, because the rest of the file system may be read-only.
    NODE_COMPILE_CACHE=/var/lib/portcullis/.cache
WORKDIR /opt/portcullis
COPY --from=packages /opt/portcullis/node_modules ./node_modules
COPY package.json LICENSE ./
COPY bin ./bin
COPY policies ./policies
COPY src ./src
COPY verify ./verify
RUN rm -rf /usr/local/lib/node_modules/npm /usr/local/bin/npm /usr/local/bin/npx \
 && ln -s /opt/portcullis/bin/portcullis /usr/local/bin/portcullis \
 && install -d -o 10001 -g 10001 -m 700 /var/lib/portcullis
USER 10001:10001
VOLUME /var/lib/portcullis
WORKDIR /var/lib/portcullis
EXPOSE 8787
# Asks where the gateway said that it listens. Not ready counts as unhealthy.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch(JSON.parse(fs.readFileSync('data/operator.json', 'utf8')).url + '/readyz').then((a) => process.exit(a.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["portcullis"]
CMD ["up", "--dir", "/var/lib/portcullis"]
