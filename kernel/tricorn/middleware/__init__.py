"""Applications around an application, under the names that programs written for uvicorn import."""
