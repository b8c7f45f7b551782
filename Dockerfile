# SPDX-License-Identifier: Apache-2.0
# docker build -t shoplens .                                     the recogniser and all that serves it
# docker build -t shoplens-train --build-arg SHOPLENS_TRAIN=ON . trains too, with LibTorch
FROM debian:12-slim AS build
ARG SHOPLENS_TRAIN=OFF
WORKDIR /src
COPY scripts/setup scripts/requirements.txt scripts/
RUN SHOPLENS_TRAIN=$SHOPLENS_TRAIN SHOPLENS_BROWSER=OFF scripts/setup
COPY . .
RUN cmake --preset release -DSHOPLENS_TRAIN=$SHOPLENS_TRAIN && \
    cmake --build --preset release && \
    cmake --install build --prefix /opt/shoplens --strip

FROM debian:12-slim
RUN apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      libjpeg62-turbo libpng16-16 libprometheus-cpp-core1.0 libspdlog1.10 libsqlite3-0 libssl3 libwebp7 libwebpdemux2 libxxhash0 && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --system --uid 10001 shoplens && \
    install -d -o shoplens -m 0750 /data
COPY --from=build /opt/shoplens /usr/local
USER 10001
# gallery.db, model.onnx, tokens.txt
VOLUME /data
WORKDIR /data
EXPOSE 8080
# With TLS turn it off.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["bash", "-c", \
  "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && grep -q ' 200 ' <&3"]
ENTRYPOINT ["shoplens"]
CMD ["serve", "--host", "0.0.0.0", "--gallery", "gallery.db", "--tokens", "tokens.txt"]
