"""The whole pipeline with Spark MLlib on `local[W]`: CSV to results on disk.

Which PCA: Spark's own (`ml.feature.PCA`; `--pca own`) makes the covariance matrix and decomposes all of it on the
driver, so its time grows with the cube of the items, and past about 46,000 items (items² > 2³¹) it refuses. The default,
`--pca gramian`, is quicker and has no such limit: ARPACK asks for the ten largest eigenpairs only and meets the data
through the Gramian product of Spark's `RowMatrix` (what its `computeSVD` does in its distributed mode), here minus
n·μ·(μᵀv), because `computeSVD` itself does not centre and so gives no principal components.

Ids are whole numbers, so no `StringIndexer` is run. Vectors are put together within the JVM: rows are grouped by user,
stored as Parquet in the form of Spark's vectors, and read back as such.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyspark
from pyspark.ml.clustering import KMeans
from pyspark.ml.classification import NaiveBayes
from pyspark.ml.common import _py2java
from pyspark.ml.feature import IDF, PCA, Normalizer, PCAModel
from pyspark.ml.linalg import DenseMatrix, DenseVector, VectorUDT
from pyspark.ml.stat import Summarizer
from pyspark.mllib.linalg.distributed import RowMatrix
from pyspark.mllib.util import MLUtils
from py4j.protocol import Py4JError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import IntegerType, StructField, StructType
from scipy.sparse.linalg import LinearOperator, eigsh

from setting import CLUSTERS, COMPONENTS, FOLDS, MAX_ITER, SEED, TOL, TOP
from stages import Stages, peak_memory, peer_arguments, processor_seconds, write_result

# Residual that `computeSVD` asks of ARPACK.
ARPACK_TOL = 1e-10

SCHEMA = "user int, item int, rating double"
VECTORS = StructType([StructField("user", IntegerType()), StructField("features", VectorUDT())])


def start(arguments: argparse.Namespace) -> SparkSession:
    scratch = str(arguments.output / "scratch")
    java = ["--add-modules=jdk.incubator.vector", f"-Djava.io.tmpdir={scratch}", "-XX:-UsePerfData"]
    if arguments.native_blas:
        java += [f"-Ddev.ludovic.netlib.{part}.nativeLib={arguments.native_blas}" for part in ("blas", "lapack")]
    options = {
        "spark.driver.memory": arguments.driver_memory,
        "spark.driver.extraJavaOptions": " ".join(java),
        "spark.local.dir": scratch,
        "spark.sql.warehouse.dir": scratch,
        "spark.sql.shuffle.partitions": str(4 * arguments.workers),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
    }
    builder = SparkSession.builder.appName("segmill peer").master(f"local[{arguments.workers}]")
    return builder.config(map=options).getOrCreate()


def jvm(session: SparkSession) -> Any:
    return session.sparkContext._jvm


def user_vectors(session: SparkSession, source: Path, scratch: Path) -> tuple[DataFrame, int]:
    """A sparse vector for each user, held in memory, and how many items they have room for."""
    table = session.read.csv(str(source), header=True, schema=SCHEMA)
    n_items = table.agg(F.max("item")).first()[0]
    entries = F.array_sort(F.collect_list(F.struct((F.col("item") - 1).alias("index"), "rating")))
    vector = F.struct(
        F.lit(0).cast("tinyint").alias("type"),
        F.lit(n_items).alias("size"),
        F.col("entries.index").alias("indices"),
        F.col("entries.rating").alias("values"),
    )
    grouped = table.groupBy("user").agg(entries.alias("entries")).select("user", vector.alias("features"))
    grouped.write.parquet(str(scratch), mode="overwrite")
    users = session.read.schema(VECTORS).parquet(str(scratch)).cache()
    users.count()
    return users, n_items


def own_pca(users: DataFrame) -> PCAModel:
    return PCA(k=COMPONENTS, inputCol="features", outputCol="scores").fit(users)


class Gramian:
    """v ↦ XᵀXv on the workers, by `RowMatrix`."""

    def __init__(self, session: SparkSession, users: DataFrame) -> None:
        self.jvm = jvm(session)
        self.gateway = session.sparkContext._gateway
        rows = MLUtils.convertVectorColumnsFromML(users.select("features"), "features")
        # Java's matrix lives as long as its Python owner.
        self.owner = RowMatrix(rows)
        self.matrix = self.owner._java_matrix_wrapper._java_model
        self.matrix.rows().cache()

    def __call__(self, vector: np.ndarray) -> np.ndarray:
        """Numbers cross to the JVM and back as bytes (big-endian, Java's order)."""
        size = len(vector)
        buffer = self.jvm.java.nio.ByteBuffer.wrap(bytearray(vector.astype(">f8").tobytes()))
        values = self.gateway.new_array(self.jvm.double, size)
        buffer.asDoubleBuffer().get(values)
        product = self.matrix.multiplyGramianMatrixBy(self.jvm.breeze.linalg.DenseVector(values, 0, 1, size))
        out = self.jvm.java.nio.ByteBuffer.allocate(8 * size)
        out.asDoubleBuffer().put(product.data())
        return np.frombuffer(out.array(), dtype=">f8").astype(np.float64)


def gramian_pca(session: SparkSession, users: DataFrame, n_items: int) -> PCAModel:
    summary = Summarizer.metrics("mean", "variance").summary(F.col("features"))
    moments = users.agg(F.count("user").alias("n"), summary.alias("of")).select("n", "of.mean", "of.variance").first()
    n, mean = moments["n"], moments["mean"].toArray()
    gramian = Gramian(session, users)

    def covariance(vector: np.ndarray) -> np.ndarray:
        vector = vector.ravel()
        return (gramian(vector) - n * (mean @ vector) * mean) / (n - 1)

    operator = LinearOperator((n_items, n_items), matvec=covariance, dtype=np.float64)
    values, vectors = eigsh(operator, k=COMPONENTS, tol=ARPACK_TOL, maxiter=MAX_ITER)
    ratios = values[::-1] / moments["variance"].toArray().sum()
    return pca_model(session, vectors[:, ::-1], ratios)


def pca_model(session: SparkSession, components: np.ndarray, ratios: np.ndarray) -> PCAModel:
    """Spark's model around eigenvectors `(n_items, n_components)`."""
    context = session.sparkContext
    matrix = DenseMatrix(*components.shape, components.ravel(order="F"))
    java = jvm(session).org.apache.spark.ml.feature.PCAModel(
        "pca", _py2java(context, matrix), _py2java(context, DenseVector(ratios))
    )
    return PCAModel(java)._set(k=COMPONENTS, inputCol="features", outputCol="scores")


def kmeans_tol(scored: DataFrame) -> float:
    """Spark stops when no centroid moves further than this. As scikit-learn's rule, which bounds the sum of the squares
    over all centroids, but for each alone: Spark stops no later."""
    variance = scored.agg(Summarizer.variance(F.col("scores")).alias("variance")).first()["variance"]
    return float(np.sqrt(TOL * variance.toArray().mean()))


def out_of_fold(users: DataFrame) -> Iterator[DataFrame]:
    fold = F.pmod(F.hash("user"), F.lit(FOLDS))
    for held in range(FOLDS):
        model = naive_bayes().fit(users.where(fold != held))
        yield model.transform(users.where(fold == held)).select("user", "segment", "nb_segment")


def naive_bayes() -> NaiveBayes:
    return NaiveBayes(labelCol="segment", predictionCol="nb_segment", smoothing=1.0, modelType="multinomial")


def confusion(predicted: DataFrame) -> np.ndarray:
    counted = np.zeros((CLUSTERS, CLUSTERS), dtype=np.int64)
    for segment, said, count in predicted.groupBy("segment", F.col("nb_segment").cast("int")).count().collect():
        counted[segment, said] = count
    return counted


def profiles(users: DataFrame) -> tuple[np.ndarray, np.ndarray]:
    weighted = IDF(inputCol="features", outputCol="weighted").fit(users).transform(users)
    unit = Normalizer(inputCol="weighted", outputCol="unit", p=2.0).transform(weighted)
    rows = unit.groupBy("segment").agg(Summarizer.mean(F.col("unit")).alias("mean")).orderBy("segment").collect()
    means = np.stack([row["mean"].toArray() for row in rows])
    top = np.argsort(-means, axis=1, kind="stable")[:, :TOP]
    return top, np.take_along_axis(means, top, axis=1)


def accuracy(counted: np.ndarray) -> float:
    return float(np.trace(counted) / counted.sum())


def run(session: SparkSession, arguments: argparse.Namespace) -> dict[str, Any]:
    output: Path = arguments.output
    java = jvm(session).java.lang.ProcessHandle.current().pid()
    before = processor_seconds(java)
    stages = Stages()
    with stages.time("ingest"):
        users, n_items = user_vectors(session, arguments.ratings, output / "scratch" / "vectors")
    with stages.time("pca"):
        own = arguments.pca == "own"
        pca = own_pca(users) if own else gramian_pca(session, users, n_items)
        scored = pca.transform(users).cache()
        scored.count()
    with stages.time("kmeans"):
        estimator = KMeans(
            k=CLUSTERS, maxIter=MAX_ITER, tol=kmeans_tol(scored), seed=SEED, featuresCol="scores"
        ).setPredictionCol("segment")
        kmeans = estimator.fit(scored)
        segmented = kmeans.transform(scored).cache()
        segmented.count()
    with stages.time("validate.in sample"):
        predicted = naive_bayes().fit(segmented).transform(segmented).cache()
        in_sample = confusion(predicted)
    with stages.time("validate.out of fold"):
        folded = sum(confusion(held) for held in out_of_fold(segmented))
    with stages.time("profile"):
        top, top_scores = profiles(segmented)
    with stages.time("write"):
        predicted.select("user", "segment", "nb_segment").write.parquet(str(output / "segments"), mode="overwrite")
        np.savez(output / "profiles.npz", items=top + 1, scores=top_scores)
        np.savetxt(output / "confusion.csv", np.vstack([in_sample, folded]), fmt="%d", delimiter=",")
        components = pca.pc.toArray().T
        np.savez(output / "components.npz", items=np.arange(1, n_items + 1), components=components)
        np.save(output / "centroids.npy", np.stack(kmeans.clusterCenters()))
    return {
        "stages": stages.seconds,
        "total": stages.total(),
        "processor": processor_seconds(java) - before,
        "peak_memory": peak_memory(java),
        "inertia": kmeans.summary.trainingCost,
        "iterations": kmeans.summary.numIter,
        "explained_variance_ratio": pca.explainedVariance.toArray().tolist(),
        "in_sample_accuracy": accuracy(in_sample),
        "out_of_fold_accuracy": accuracy(folded),
        "versions": versions(session),
    }


def versions(session: SparkSession) -> dict[str, str]:
    java = jvm(session).java.lang.System.getProperty("java.version")
    native = f"BLAS {native_or_not(session, 'blas')}, LAPACK {native_or_not(session, 'lapack')}"
    return {"Spark": f"{pyspark.__version__} ({native})", "Java": java}


def native_or_not(session: SparkSession, part: str) -> str:
    """Whether the library that Spark calls for dense algebra has found a native one."""
    try:
        getattr(jvm(session).dev.ludovic.netlib, part).__getattr__(f"Native{part.upper()}").getInstance()
    except Py4JError:
        return "not native"
    return "native"


def main() -> None:
    parser = peer_arguments(__doc__)
    parser.add_argument("--driver-memory", required=True)
    parser.add_argument("--pca", choices=["gramian", "own"], default="gramian")
    parser.add_argument("--native-blas", help="file name of a native BLAS and LAPACK")
    arguments = parser.parse_args()
    # Java loads its native libraries from there, and wants to be told the whole path.
    arguments.output = arguments.output.resolve()
    (arguments.output / "scratch").mkdir(parents=True, exist_ok=True)
    session = start(arguments)
    try:
        write_result(arguments.result, run(session, arguments))
    finally:
        session.stop()


if __name__ == "__main__":
    main()
