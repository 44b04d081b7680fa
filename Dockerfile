FROM python:3.11-slim-bookworm
# Reports as PDF: pango lays them out, a CJK font shows them.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --create-home jiesu
WORKDIR /opt/jiesu
COPY requirements.lock pyproject.toml README.md ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY models models
COPY nlp nlp
COPY connectors connectors
COPY triage triage
RUN pip install --no-cache-dir --no-deps -e .
ENV JIESU_DATA_DIR=/var/lib/jiesu
RUN install -d -o jiesu -m 700 /var/lib/jiesu
USER jiesu
ENTRYPOINT ["jiesu"]
