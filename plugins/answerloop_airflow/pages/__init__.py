"""Answerloop's pages in the Airflow UI: a FastAPI application, built when its first page is asked for."""
