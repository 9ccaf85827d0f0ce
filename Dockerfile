# The newest Python that all tests have passed on: `make portability`.
FROM python:3.13-slim AS build
WORKDIR /src
COPY .ci/requirements .ci/requirements
RUN pip install --no-cache-dir --require-hashes -r .ci/requirements/build.txt
RUN python -m venv --without-pip /opt/capgo-exporter
RUN pip --python /opt/capgo-exporter/bin/python install --no-cache-dir --require-hashes -r .ci/requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY exporter exporter
RUN pip wheel --no-build-isolation --no-deps --wheel-dir /dist .
RUN pip --python /opt/capgo-exporter/bin/python install --no-cache-dir --no-index --no-deps /dist/*.whl
RUN mkdir /data

FROM python:3.13-slim
COPY --from=build /opt/capgo-exporter /opt/capgo-exporter
COPY --from=build --chown=10058:10058 /data /data
ENV PATH=/opt/capgo-exporter/bin:$PATH CAPGO_DATA_DIR=/data CAPGO_METRICS_LISTEN=0.0.0.0:10058
# A number, so that Kubernetes can see that it is not root. Nothing is written but to /data.
USER 10058:10058
WORKDIR /data
VOLUME /data
EXPOSE 8080 10058
HEALTHCHECK --interval=30s --timeout=10s --start-period=2m CMD ["capgo-exporter", "health"]
ENTRYPOINT ["capgo-exporter"]
